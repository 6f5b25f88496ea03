// Channels: queues between interpreters, without any Python object in them.
//
// A channel is a queue of messages with two ends. Each end is held by handles, which are counted for each interpreter,
// as descriptors of a pipe are for each process; a handle that travels inside a message belongs to nobody (kInTransit).
//
//   open      Any number of interpreters send and receive. Messages are taken in the order in which they were sent, each
//             by one receiver. A bounded channel is full at `capacity` messages.
//   send end closed   when its last handle goes, or by close: what is in the queue is still delivered, then receivers
//             are told kClosed.
//   receive end closed   when its last handle goes, or by close: what is in the queue is dropped (close without force
//             refuses while there is something), senders are told kClosed.
//
// A message belongs to the process, not to its sender: once send has accepted it, it is delivered although the sender's
// interpreter ends, or dropped with the receive end, never both and never neither.
//
// The engine never waits with a lock of its own held, and callers wait without an interpreter's lock: try_… never blocks,
// wait sleeps on the thread's Parker until another try is worth it. Waiters are woken one for each message (or free
// place), first come first served; one that leaves although it was woken passes that on.
//
// Locks: the registry's, or one channel's, never two, both leaves. Messages are destroyed with no lock held.
#pragma once

#include <atomic>

#include "Python/runtime/parker.h"
#include "Python/sharing/channel_state.h"

namespace atl {

// kId: a handle on neither end, which keeps the channel of a number alive. When the last such handle goes the channel is
// destroyed, whoever uses its ends.
enum class ChannelEnd : uint8_t { kReceive = 0, kSend = 1, kId = 2 };

// Whose channel it is: each kind has a list of its own.
enum class ChannelKind : uint8_t {
  kChannel,  // of the package interpreters
  kNumbered, // of 3.11's _xxsubinterpreters: used by number, without handles on its ends
  kQueue,    // of concurrent.interpreters
};

enum class ChannelResult : uint8_t {
  kOk,
  kEmpty,      // nothing there now
  kFull,       // no place now
  kClosed,     // this end is of no more use
  kReleased,   // the interpreter has released this end
  kNotEmpty,   // close without force
  kNoMemory,
};

class OrphanList;

// What travels. Made by the sender's side; the engine knows only this head.
struct Message {
  Message* next = nullptr;
  // Frees it. Handles on channels that it holds are dropped into `orphans`, so that chains of them don't recurse.
  void (*destroy)(Message* self, OrphanList& orphans) = nullptr;
};

// Messages that nobody will receive; destroys them, and what becomes an orphan thereby, at its end.
class OrphanList {
 public:
  OrphanList() = default;
  OrphanList(const OrphanList&) = delete;
  OrphanList& operator=(const OrphanList&) = delete;
  ~OrphanList();
  void add(Message* message);
  void add_all(Message* first);

 private:
  Message* first_ = nullptr;
};

inline constexpr int64_t kInTransit = -1;

class Channel {
 public:
  // A channel with one reference and no handles. capacity 0: no bound. NULL without memory.
  static Channel* create(size_t capacity, ChannelKind kind = ChannelKind::kChannel);
  // The channel of a number, with a new reference; NULL when there is none.
  static Channel* find(int64_t id, ChannelKind kind = ChannelKind::kChannel);
  // Numbers of all channels of a kind: how many were written, at most `room`, and how many there are.
  static size_t list(ChannelKind kind, int64_t* ids, size_t room);
  // The handles of an interpreter that is gone, its objects with it, are dropped.
  static void forget_interpreter(int64_t interp);

  // Around fork: every lock, in order. In the child, which is alone, nobody waits, and only interpreter `kept` has handles.
  static void fork_lock();
  static void fork_unlock();
  static void fork_in_child(int64_t kept);

  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  void ref() { refs_.fetch_add(1, std::memory_order_relaxed); }
  void unref();
  int64_t id() const { return id_; }
  size_t capacity() const { return capacity_; }

  // A handle keeps its end open and counts as a reference. kReleased: the interpreter gave this end up.
  ChannelResult acquire(ChannelEnd end, int64_t interp);
  void drop(ChannelEnd end, int64_t interp, OrphanList& orphans);

  // Takes the message over when kOk. *received_soon: a receiver was waiting.
  ChannelResult try_send(int64_t interp, Message* message, bool* received_soon = nullptr);
  ChannelResult try_receive(int64_t interp, Message** message);
  // Sleeps until a try is worth it or the deadline has passed. Parker reasons: kWoken also when the condition holds already;
  // 0 when time is up. A poke ends the wait.
  uint32_t wait(ChannelEnd end, Parker& parker, int64_t deadline);

  // Closes an end, or both, for everybody.
  ChannelResult close(bool receive, bool send, bool force, OrphanList& orphans);
  // A handle of kind kId that belongs to a number only: unbind takes one back, false when there is none.
  bool bind();
  bool unbind(OrphanList& orphans);
  // Closes both ends and takes the channel out of its list.
  void destroy(OrphanList& orphans);
  // For channels without handles on their ends: the interpreter uses this one from now on. When all that used an end have
  // released it, or are gone, the channel is closed.
  ChannelResult use(ChannelEnd end, int64_t interp);
  // Gives up all of an interpreter's handles on an end, and its use; it can't use that end any more.
  ChannelResult release(ChannelEnd end, int64_t interp, OrphanList& orphans);
  // The same for one or both ends at once.
  ChannelResult release_both(int64_t interp, bool receive, bool send, OrphanList& orphans);

  size_t size();
  bool is_open(ChannelEnd end);
  // Has the interpreter a handle on the end that is not released?
  bool is_associated(ChannelEnd end, int64_t interp);
  size_t list_interpreters(ChannelEnd end, int64_t* ids, size_t room);

 private:
  struct Association {
    int64_t interp;
    uint32_t handles[2];
    bool released[2];
    bool used[2];
  };
  struct Waiter {
    Parker* parker;
    Waiter* prev;
    Waiter* next;
    bool queued;
  };
  struct WaitList {
    Waiter* first = nullptr;
    Waiter* last = nullptr;
    void add(Waiter* w);
    void remove(Waiter* w);
    bool wake_one();
    void wake_all();
  };

  Channel() = default;
  ~Channel() = default;
  bool try_ref();
  void forget(int64_t interp, OrphanList& orphans);
  Association* find_association(int64_t interp);
  bool worth_trying(ChannelEnd end) const;
  void close_locked(ChannelEnd end, Message** dropped);
  void lose_handles_locked(ChannelEnd end, uint32_t n, Message** dropped);
  Association* make_association(int64_t interp);
  void close_if_unused_locked(Message** dropped);

  std::atomic<uint32_t> refs_{1};
  ChannelKind kind_ = ChannelKind::kChannel;
  std::atomic<uint32_t> ids_{0};         // handles of kind kId
  std::atomic<uint32_t> bound_{0};       // ... of those, by bind
  std::atomic<bool> destroyed_{false};
  int64_t id_ = 0;
  size_t capacity_ = 0;

  LeafMutex lock_{LockRank::kChannel};  // guards all below
  Message* first_ = nullptr;
  Message* last_ = nullptr;
  size_t count_ = 0;
  bool open_[2] = {true, true};   // by ChannelEnd
  uint32_t handles_[2] = {0, 0};  // released ones are not counted
  WaitList waiting_[2];
  Association* associations_ = nullptr;
  size_t association_count_ = 0;
  size_t association_room_ = 0;
};

}  // namespace atl
