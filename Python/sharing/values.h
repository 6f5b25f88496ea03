// Values as messages: what is sent to another interpreter, as bytes that belong to nobody's heap.
//
// None, bool, int, float, complex, str, bytes, tuples, lists and dicts of these, and channel ends,
// numbers of channels and queues. Exact types only. The
// receiver gets equal objects of its own; references that are shared inside of one value, cycles included, stay shared.
// Nothing here runs user code, so a value can't change while it is written.
#pragma once

#include "Objects/object.h"
#include "Python/sharing/channel.h"

namespace atl {

struct ChannelHandle {
  Channel* channel;
  ChannelEnd end;
};

// A message with a value in it.
struct ValueMessage : Message {
  size_t size = 0;          // of the data
  uint32_t handle_count = 0;
  int32_t kind = 0;         // the sender's and the receiver's affair
  ChannelHandle* handles = nullptr;  // in transit

  uint8_t* data() { return reinterpret_cast<uint8_t*>(this + 1); }
};

// Owns a message that has not been sent, or has been received.
class MessageRef {
 public:
  MessageRef() = default;
  explicit MessageRef(ValueMessage* m) : m_(m) {}
  MessageRef(MessageRef&& other) noexcept : m_(other.release()) {}
  MessageRef& operator=(MessageRef&& other) noexcept {
    std::swap(m_, other.m_);
    return *this;
  }
  MessageRef(const MessageRef&) = delete;
  MessageRef& operator=(const MessageRef&) = delete;
  ~MessageRef() {
    if (m_ == nullptr) return;
    OrphanList orphans;
    orphans.add(m_);
  }
  ValueMessage* get() const { return m_; }
  ValueMessage* release() { return std::exchange(m_, nullptr); }
  explicit operator bool() const { return m_ != nullptr; }

 private:
  ValueMessage* m_ = nullptr;
};

// Empty with NotShareableError, which names the type and, below `name`, the place of what can't be sent.
MessageRef message_from_value(ThreadState& ts, PyObject* value, const char* name);
// The value as objects of the current interpreter. Each channel end in it takes part of the message's handles' place; the
// message stays as it is.
Ref<> message_to_value(ThreadState& ts, ValueMessage* message);
// Could it be sent? Never raises for what can't.
Tri value_is_shareable(ThreadState& ts, PyObject* value);

}  // namespace atl
