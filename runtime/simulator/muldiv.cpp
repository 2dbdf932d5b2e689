// Requests are served in turn; a request that cannot be taken (a division while one is running)
// keeps its turn and holds everybody else up, multiplications included.
#include "muldiv.h"

#include <algorithm>

#include "arbiter.h"

namespace snitch {
namespace {

int leading_zeros(uint32_t value) {
  return value ? __builtin_clz(value) : 32;
}

}  // namespace

// The divider first aligns the divisor with the dividend and then needs a cycle for each bit of the
// distance; a quotient that is plainly zero is known at once.
uint64_t divide_cycles(Op op, uint32_t a, uint32_t b) {
  const bool is_signed = op == Op::div || op == Op::rem;
  const uint32_t lead_a = is_signed && (a >> 31) ? ~a << 1 : a;
  const uint32_t lead_b = is_signed && (b >> 31) ? ~b : b;
  const int shift = lead_b == 0 ? 32 : leading_zeros(lead_b) - leading_zeros(lead_a);
  return shift < 0 ? 0 : static_cast<uint64_t>(shift) + 1;
}

void MulDiv::deliver(Result& result, std::vector<Core>& cores, uint64_t now) {
  if (delivered_ || !result.valid || result.ready > now) return;
  Core& core = cores[result.core];
  if (!core.can_deliver()) return;
  core.deliver(result.rd, result.value);
  result.valid = false;
  delivered_ = true;
}

void MulDiv::step(std::vector<Core>& cores, uint64_t now) {
  delivered_ = false;
  const bool dividing = divide_.valid;  // the divider is ready again a cycle after its result left
  if (multiply_.valid || divide_.valid) {
    deliver(divide_next_ ? divide_ : multiply_, cores, now);
    deliver(divide_next_ ? multiply_ : divide_, cores, now);
    if (delivered_) divide_next_ = !divide_next_;
  }
  uint32_t asking = 0;
  for (size_t c = 0; c < cores.size(); c++)
    if (cores[c].offloaded(Unit::muldiv)) asking |= 1u << c;
  if (!asking) return;
  if (locked_ & asking) asking &= locked_;
  const int winner = tree_choice(asking, priority_, 4);
  const Offload& offload = *cores[winner].offloaded(Unit::muldiv);
  const Op op = offload.instruction->op;
  const bool divides = op >= Op::div;
  Result& slot = divides ? divide_ : multiply_;
  if (slot.valid || (divides && dividing)) {
    locked_ = asking;
    return;
  }
  locked_ = 0;
  priority_ = next_priority(asking, priority_);
  const uint64_t cycles = divides ? divide_cycles(op, offload.a, offload.b) : 0;
  slot = {true, winner, offload.instruction->rd, execute_muldiv(op, offload.a, offload.b),
          now + 1 + cycles};
  cores[winner].take_offloaded();
}

}  // namespace snitch
