// The two kinds of storage between units. Everything a unit sees of another one passes through a
// register, so a value stored in one cycle is visible in the next: `begin_cycle` takes the snapshot
// that makes the order in which units are evaluated irrelevant.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace snitch {

// A first-in first-out buffer of fixed capacity.
template <typename T, size_t capacity>
class Ring {
 public:
  bool empty() const { return count_ == 0; }
  bool full() const { return count_ == capacity; }
  size_t size() const { return count_; }
  T& front() { return items_[head_]; }
  const T& front() const { return items_[head_]; }
  T& operator[](size_t i) { return items_[(head_ + i) % capacity]; }
  const T& operator[](size_t i) const { return items_[(head_ + i) % capacity]; }
  void push(const T& item) {
    items_[(head_ + count_) % capacity] = item;
    count_++;
  }
  void pop() {
    head_ = (head_ + 1) % capacity;
    count_--;
  }
  void clear() { head_ = count_ = 0; }

 private:
  std::array<T, capacity> items_{};
  size_t head_ = 0;
  size_t count_ = 0;
};

// A register stage with two slots that breaks both directions of a handshake: one item a cycle, no
// combinational path, an item is seen a cycle after it was stored.
template <typename T>
class Cut {
 public:
  void begin_cycle() { seen_ = ring_.size(); }
  bool can_pop() const { return seen_ > 0; }
  bool can_push() const { return seen_ < 2 && !ring_.full(); }
  bool empty() const { return ring_.empty(); }
  T& front() { return ring_.front(); }
  const T& front() const { return ring_.front(); }
  void push(const T& item) { ring_.push(item); }
  void pop() {
    ring_.pop();
    seen_ = 0;  // at most one a cycle
  }

 private:
  Ring<T, 3> ring_;  // a pop and a push in one cycle may meet here in any order
  size_t seen_ = 0;
};

// Round-robin choice between two requesters as the hardware's arbiter does it: the loser is served
// next, and a choice that was not accepted is kept.
class Arbiter2 {
 public:
  // 0 or 1, or -1 if nobody asks.
  int choose(bool first, bool second) {
    if (locked_) {
      first = first && (held_ & 1);
      second = second && (held_ & 2);
    }
    asking_ = static_cast<uint8_t>((first ? 1 : 0) | (second ? 2 : 0));
    if (!asking_) return -1;
    return second && (!first || next_) ? 1 : 0;
  }
  // To be called after choose() returned a requester.
  void accepted(bool yes) {
    locked_ = !yes;
    held_ = asking_;
    if (!yes) return;
    const bool higher = !next_ && (asking_ & 2);  // the next requester above the present priority
    next_ = higher || !(asking_ & 1);
  }

 private:
  bool next_ = false;
  bool locked_ = false;
  uint8_t held_ = 0;
  uint8_t asking_ = 0;
};

}  // namespace snitch
