# The example models: builder.py writes ONNX graphs, the other files describe one family each.
