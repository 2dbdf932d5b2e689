#!/usr/bin/env node
// Runs an ONNX model under ONNX Runtime: the independent reference for our own results, and the
// speed to compare with. Tensors come and go as .npy files, one a tensor, so that nothing of
// ours (no importer, no npz reader, no kernel) takes part in making the reference.
//
// ONNX Runtime comes from npm's onnxruntime-node, which scripts/setup_ort installs.
'use strict';
const fs = require('fs');
const os = require('os');
const path = require('path');

const USAGE = `usage: ort_run.js MODEL.onnx INPUTS OUTPUTS [--time N] [--threads N] [--opt none|all]
  INPUTS     folder with one NAME.npy for each input of the model; characters of NAME other than
             A-Z a-z 0-9 _ . - are written as _
  OUTPUTS    folder that receives one NAME.npy for each output, and in outputs.json the names
             in the order of the model
  --time N   after a first run, time N more and print milliseconds per inference as JSON
  --threads  threads of one inference (1)
  --opt      ONNX Runtime's graph optimisations (all)`;

// How numpy spells a type, how ONNX Runtime does, and the array that JavaScript holds it in.
const ELEMENT_TYPES = [
  {descr: '<f4', type: 'float32', array: Float32Array},
  {descr: '<f8', type: 'float64', array: Float64Array},
  {descr: '<f2', type: 'float16', array: Uint16Array},
  {descr: '|i1', type: 'int8', array: Int8Array},
  {descr: '|u1', type: 'uint8', array: Uint8Array},
  {descr: '<i2', type: 'int16', array: Int16Array},
  {descr: '<u2', type: 'uint16', array: Uint16Array},
  {descr: '<i4', type: 'int32', array: Int32Array},
  {descr: '<u4', type: 'uint32', array: Uint32Array},
  {descr: '<i8', type: 'int64', array: BigInt64Array},
  {descr: '<u8', type: 'uint64', array: BigUint64Array},
  {descr: '|b1', type: 'bool', array: Uint8Array},
];
const NPY_MAGIC = Buffer.from('\x93NUMPY', 'latin1');
const NPY_ALIGNMENT = 64;  // numpy pads headers so that data starts on such a boundary

class UserError extends Error {}

function fail(where, problem) {
  throw new UserError(`${where}: ${problem}`);
}

// --- .npy ------------------------------------------------------------------------------------

function readNpy(file) {
  const bytes = fs.readFileSync(file);
  if (!bytes.subarray(0, 6).equals(NPY_MAGIC)) fail(file, 'not a .npy file');
  const longHeader = bytes[6] > 1;
  const headerStart = longHeader ? 12 : 10;
  const dataStart = headerStart + (longHeader ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8));
  const header = bytes.toString('latin1', headerStart, dataStart);
  const descr = header.match(/'descr': *'([^']*)'/)?.[1];
  const shape = header.match(/'shape': *\(([^)]*)\)/)?.[1];
  const element = ELEMENT_TYPES.find((candidate) => candidate.descr === descr);
  if (!element) fail(file, `elements of type ${descr} are not supported`);
  if (shape === undefined || !/'fortran_order': *False/.test(header)) {
    fail(file, 'only arrays in C order are supported; save numpy.ascontiguousarray(...)');
  }
  const dims = shape.split(',').filter((part) => part.trim() !== '').map(Number);
  const count = dims.reduce((product, dim) => product * dim, 1);
  const size = count * element.array.BYTES_PER_ELEMENT;
  if (bytes.length - dataStart !== size) {
    fail(file, `holds ${bytes.length - dataStart} bytes of data, its shape asks for ${size}`);
  }
  // A copy, because typed arrays want aligned memory and a file's data may start anywhere.
  const data = new element.array(new Uint8Array(bytes.subarray(dataStart)).buffer);
  return {type: element.type, data, dims};
}

function writeNpy(file, tensor) {
  const element = ELEMENT_TYPES.find((candidate) => candidate.type === tensor.type);
  if (!element) fail(file, `an output of type ${tensor.type} cannot be written`);
  const shape = tensor.dims.length === 1 ? `${tensor.dims[0]},` : tensor.dims.join(', ');
  const text = `{'descr': '${element.descr}', 'fortran_order': False, 'shape': (${shape}), }`;
  const used = NPY_MAGIC.length + 4 + text.length + 1;
  const padding = (NPY_ALIGNMENT - (used % NPY_ALIGNMENT)) % NPY_ALIGNMENT;
  const header = Buffer.from(text + ' '.repeat(padding) + '\n', 'latin1');
  const front = Buffer.from([...NPY_MAGIC, 1, 0, header.length & 255, header.length >> 8]);
  const data = tensor.data;
  const raw = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  fs.writeFileSync(file, Buffer.concat([front, header, raw]));
}

function fileOf(folder, name) {
  return path.join(folder, name.replace(/[^A-Za-z0-9_.-]/g, '_') + '.npy');
}

// --- ONNX Runtime ----------------------------------------------------------------------------

function loadOnnxRuntime() {
  const cache = process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache');
  const folder = process.env.MLFC_ORT || path.join(cache, 'mlfc', 'ort');
  try {
    return require(path.join(folder, 'node_modules', 'onnxruntime-node'));
  } catch (error) {
    return fail(folder, `ONNX Runtime does not load (${error.message.split('\n')[0]}); ` +
        'run scripts/setup_ort, or set MLFC_ORT to the folder it printed');
  }
}

function readInputs(ort, folder, names) {
  const feeds = {};
  for (const name of names) {
    const file = fileOf(folder, name);
    if (!fs.existsSync(file)) fail(file, `missing; it should hold the input '${name}'`);
    const {type, data, dims} = readNpy(file);
    feeds[name] = new ort.Tensor(type, data, dims);
  }
  return feeds;
}

function writeOutputs(folder, names, results) {
  const files = new Map(names.map((name) => [fileOf(folder, name), name]));
  if (files.size !== names.length) fail(folder, 'two outputs would share a file name');
  fs.mkdirSync(folder, {recursive: true});
  for (const [file, name] of files) writeNpy(file, results[name]);
  fs.writeFileSync(path.join(folder, 'outputs.json'), JSON.stringify(names) + '\n');
}

async function time(session, feeds, runs) {
  const milliseconds = [];
  for (let i = 0; i < runs; i++) {
    const start = process.hrtime.bigint();
    await session.run(feeds);
    milliseconds.push(Number(process.hrtime.bigint() - start) / 1e6);
  }
  milliseconds.sort((a, b) => a - b);
  const middle = runs >> 1;
  const median = runs % 2 ? milliseconds[middle] :
                            (milliseconds[middle - 1] + milliseconds[middle]) / 2;
  return {runs, min_ms: milliseconds[0], median_ms: median};
}

function parseArguments(words) {
  const options = {time: 0, threads: 1, opt: 'all', folders: []};
  for (let i = 0; i < words.length; i++) {
    if (!words[i].startsWith('--')) {
      options.folders.push(words[i]);
      continue;
    }
    const name = words[i].slice(2);
    if (!['time', 'threads', 'opt'].includes(name)) fail(words[i], `unknown option\n${USAGE}`);
    const value = words[++i];
    const valid = name === 'opt' ? ['none', 'all'].includes(value) : /^[1-9]\d*$/.test(value);
    if (!valid) fail(`--${name}`, `'${value}' is no value for it\n${USAGE}`);
    options[name] = name === 'opt' ? value : Number(value);
  }
  if (options.folders.length !== 3) fail('ort_run.js', `three arguments are needed\n${USAGE}`);
  return options;
}

async function main() {
  const options = parseArguments(process.argv.slice(2));
  const [model, inputs, outputs] = options.folders;
  const ort = loadOnnxRuntime();
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ['cpu'],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: options.opt === 'none' ? 'disabled' : 'all',
    logSeverityLevel: 3,  // errors only: warnings about unused initializers help nobody here
  });
  const feeds = readInputs(ort, inputs, session.inputNames);
  writeOutputs(outputs, session.outputNames, await session.run(feeds));
  if (options.time === 0) return;
  const timing = await time(session, feeds, options.time);
  const {threads, opt} = options;
  console.log(JSON.stringify({model, threads, opt, ...timing}));
}

main().catch((error) => {
  // What ONNX Runtime throws is about the model or the data, not about this file: no stack trace.
  console.error(`ort_run: ${error.message}`);
  process.exitCode = error instanceof UserError ? 2 : 1;
});
