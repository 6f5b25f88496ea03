#include "Python/sharing/channel.h"

#include <cstring>
#include <new>

#include "Python/runtime/runtime.h"
#include "Python/runtime/upcalls.h"

namespace atl {

namespace {

ChannelRegistry& registry() { return runtime().channels; }

template <class T>
bool grow(T** items, size_t count, size_t* room) {
  if (count < *room) return true;
  size_t more = *room ? *room * 2 : 4;
  auto* grown = static_cast<T*>(std::realloc(*items, more * sizeof(T)));
  if (grown == nullptr) return false;
  *items = grown;
  *room = more;
  return true;
}

// The place of an id, or of the first one above it.
size_t place_of(const ChannelRegistry& r, int64_t id) {
  size_t low = 0, high = r.count;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (r.items[mid]->id() < id) {
      low = mid + 1;
    } else {
      high = mid;
    }
  }
  return low;
}

}  // namespace

// ---- orphans -----------------------------------------------------------------------------------------------------

void OrphanList::add(Message* message) {
  message->next = first_;
  first_ = message;
}
void OrphanList::add_all(Message* first) {
  while (first != nullptr) {
    Message* next = first->next;
    add(first);
    first = next;
  }
}
OrphanList::~OrphanList() {
  while (first_ != nullptr) {
    Message* message = std::exchange(first_, first_->next);
    message->destroy(message, *this);
  }
}

// ---- the registry ------------------------------------------------------------------------------------------------

Channel* Channel::create(size_t capacity, ChannelKind kind) {
  void* memory = std::malloc(sizeof(Channel));
  if (memory == nullptr) return nullptr;
  auto* channel = new (memory) Channel();
  channel->capacity_ = capacity;
  channel->kind_ = kind;
  ChannelRegistry& r = registry();
  std::lock_guard hold(r.lock);
  if (!grow(&r.items, r.count, &r.capacity)) {
    channel->~Channel();
    std::free(memory);
    return nullptr;
  }
  channel->id_ = r.next_id++;
  r.items[r.count++] = channel;
  return channel;
}

bool Channel::try_ref() {
  uint32_t n = refs_.load(std::memory_order_relaxed);
  while (n != 0) {
    if (refs_.compare_exchange_weak(n, n + 1, std::memory_order_acq_rel)) return true;
  }
  return false;
}

Channel* Channel::find(int64_t id, ChannelKind kind) {
  ChannelRegistry& r = registry();
  std::lock_guard hold(r.lock);
  size_t at = place_of(r, id);
  if (at == r.count) return nullptr;
  Channel* channel = r.items[at];
  if (channel->id_ != id || channel->kind_ != kind || channel->destroyed_.load(std::memory_order_acquire)) return nullptr;
  return channel->try_ref() ? channel : nullptr;
}

size_t Channel::list(ChannelKind kind, int64_t* ids, size_t room) {
  ChannelRegistry& r = registry();
  std::lock_guard hold(r.lock);
  size_t n = 0;
  for (size_t i = 0; i < r.count; ++i) {
    if (r.items[i]->kind_ != kind || r.items[i]->destroyed_.load(std::memory_order_acquire)) continue;
    if (n < room) ids[n] = r.items[i]->id_;
    ++n;
  }
  return n;
}

void Channel::forget_interpreter(int64_t interp) {
  OrphanList orphans;
  for (int64_t next = 0;;) {
    Channel* channel = nullptr;
    {
      ChannelRegistry& r = registry();
      std::lock_guard hold(r.lock);
      size_t at = place_of(r, next);
      while (at < r.count && !r.items[at]->try_ref()) ++at;
      if (at == r.count) return;
      channel = r.items[at];
    }
    next = channel->id_ + 1;
    channel->forget(interp, orphans);
    channel->unref();
  }
}

void Channel::forget(int64_t interp, OrphanList& orphans) {
  Message* dropped[3] = {nullptr, nullptr, nullptr};
  uint32_t references = 0;
  {
    std::lock_guard hold(lock_);
    Association* a = find_association(interp);
    if (a == nullptr) return;
    Association gone = *a;
    *a = associations_[--association_count_];
    for (int e = 0; e < 2; ++e) {
      references += gone.handles[e];
      if (!gone.released[e]) lose_handles_locked(static_cast<ChannelEnd>(e), gone.handles[e], &dropped[e]);
    }
    if (kind_ == ChannelKind::kNumbered && (gone.used[0] || gone.used[1])) close_if_unused_locked(&dropped[2]);
  }
  for (Message* list : dropped) orphans.add_all(list);
  while (references-- != 0) unref();
}

void Channel::unref() {
  if (refs_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  {
    ChannelRegistry& r = registry();
    std::lock_guard hold(r.lock);
    size_t at = place_of(r, id_);
    std::memmove(r.items + at, r.items + at + 1, (r.count - at - 1) * sizeof(Channel*));
    if (--r.count == 0) {
      std::free(r.items);
      r.items = nullptr;
      r.capacity = 0;
    }
  }
  OrphanList orphans;
  orphans.add_all(std::exchange(first_, nullptr));
  std::free(associations_);
  this->~Channel();
  std::free(this);
}

// ---- fork --------------------------------------------------------------------------------------------------------

void Channel::fork_lock() {
  ChannelRegistry& r = registry();
  r.lock.lock();
  for (size_t i = 0; i < r.count; ++i) r.items[i]->lock_.lock();
}
void Channel::fork_unlock() {
  ChannelRegistry& r = registry();
  for (size_t i = r.count; i > 0; --i) r.items[i - 1]->lock_.unlock();
  r.lock.unlock();
}

void Channel::fork_in_child(int64_t kept) {
  ChannelRegistry& r = registry();
  for (size_t i = 0; i < r.count; ++i) {
    for (WaitList& list : r.items[i]->waiting_) list = WaitList{};  // they stood on stacks that nobody uses
  }
  // The handles of the other interpreters go. Each round changes the associations that it looks at.
  for (size_t i = 0; i < r.count;) {
    Channel* channel = r.items[i];
    int64_t other = kept;
    for (size_t k = 0; k < channel->association_count_; ++k) {
      if (channel->associations_[k].interp != kInTransit && channel->associations_[k].interp != kept) other = channel->associations_[k].interp;
    }
    if (other == kept) {
      ++i;
      continue;
    }
    forget_interpreter(other);
    i = 0;
  }
}

void upcall_fork_lock_channels() { Channel::fork_lock(); }
void upcall_fork_unlock_channels() { Channel::fork_unlock(); }
void upcall_fork_channels_in_child(int64_t kept) { Channel::fork_in_child(kept); }

// ---- waiting -----------------------------------------------------------------------------------------------------

void Channel::WaitList::add(Waiter* w) {
  w->queued = true;
  w->next = nullptr;
  w->prev = last;
  (last ? last->next : first) = w;
  last = w;
}
void Channel::WaitList::remove(Waiter* w) {
  (w->prev ? w->prev->next : first) = w->next;
  (w->next ? w->next->prev : last) = w->prev;
  w->queued = false;
}
bool Channel::WaitList::wake_one() {
  Waiter* w = first;
  if (w == nullptr) return false;
  // The waiter may be gone as soon as the channel's lock is free; its parker lives as long as its thread's state.
  remove(w);
  w->parker->wake(Parker::kWoken);
  return true;
}
void Channel::WaitList::wake_all() {
  while (wake_one()) {
  }
}

bool Channel::worth_trying(ChannelEnd end) const {
  if (end == ChannelEnd::kReceive) return first_ != nullptr || !open_[0] || !open_[1];
  return !open_[1] || capacity_ == 0 || count_ < capacity_;
}

uint32_t Channel::wait(ChannelEnd end, Parker& parker, int64_t deadline) {
  Waiter self{&parker, nullptr, nullptr, false};
  WaitList& list = waiting_[static_cast<int>(end)];
  {
    std::lock_guard hold(lock_);
    if (worth_trying(end)) return Parker::kWoken;
    list.add(&self);
  }
  uint32_t reasons = parker.wait(deadline);
  std::lock_guard hold(lock_);
  if (self.queued) {
    list.remove(&self);
    // A reason that an earlier wait left over.
    return reasons & ~Parker::kWoken ? reasons & ~Parker::kWoken : (reasons != 0 ? Parker::kWoken : 0u);
  }
  // It was woken, whatever else happened: the caller tries at least once more.
  parker.forget(Parker::kWoken);
  return reasons | Parker::kWoken;
}

// ---- handles -----------------------------------------------------------------------------------------------------

Channel::Association* Channel::find_association(int64_t interp) {
  for (size_t i = 0; i < association_count_; ++i) {
    if (associations_[i].interp == interp) return &associations_[i];
  }
  return nullptr;
}

// NULL without memory.
Channel::Association* Channel::make_association(int64_t interp) {
  if (Association* a = find_association(interp)) return a;
  if (!grow(&associations_, association_count_, &association_room_)) return nullptr;
  Association* a = &associations_[association_count_++];
  *a = {interp, {0, 0}, {false, false}, {false, false}};
  return a;
}

ChannelResult Channel::acquire(ChannelEnd end, int64_t interp) {
  int e = static_cast<int>(end);
  if (end == ChannelEnd::kId) {
    if (destroyed_.load(std::memory_order_acquire)) return ChannelResult::kClosed;
    ids_.fetch_add(1, std::memory_order_relaxed);
    ref();
    return ChannelResult::kOk;
  }
  std::lock_guard hold(lock_);
  Association* a = make_association(interp);
  if (a == nullptr) return ChannelResult::kNoMemory;
  if (a->released[e]) return ChannelResult::kReleased;
  ++a->handles[e];
  ++handles_[e];
  ref();
  return ChannelResult::kOk;
}

ChannelResult Channel::use(ChannelEnd end, int64_t interp) {
  int e = static_cast<int>(end);
  std::lock_guard hold(lock_);
  Association* a = make_association(interp);
  if (a == nullptr) return ChannelResult::kNoMemory;
  if (a->released[e]) return ChannelResult::kReleased;
  if (open_[e]) a->used[e] = true;
  return ChannelResult::kOk;
}

bool Channel::bind() {
  if (acquire(ChannelEnd::kId, kInTransit) != ChannelResult::kOk) return false;
  bound_.fetch_add(1, std::memory_order_relaxed);
  return true;
}
bool Channel::unbind(OrphanList& orphans) {
  uint32_t n = bound_.load(std::memory_order_relaxed);
  do {
    if (n == 0) return false;
  } while (!bound_.compare_exchange_weak(n, n - 1, std::memory_order_acq_rel));
  drop(ChannelEnd::kId, kInTransit, orphans);
  return true;
}

void Channel::close_if_unused_locked(Message** dropped) {
  for (size_t i = 0; i < association_count_; ++i) {
    const Association& a = associations_[i];
    if ((a.used[0] && !a.released[0]) || (a.used[1] && !a.released[1])) return;
  }
  close_locked(ChannelEnd::kReceive, dropped);
}

void Channel::lose_handles_locked(ChannelEnd end, uint32_t n, Message** dropped) {
  uint32_t& left = handles_[static_cast<int>(end)];
  if (n == 0) return;
  left -= n;
  if (left == 0) close_locked(end, dropped);
}

void Channel::drop(ChannelEnd end, int64_t interp, OrphanList& orphans) {
  int e = static_cast<int>(end);
  Message* dropped = nullptr;
  if (end == ChannelEnd::kId) {
    if (ids_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(orphans);
    unref();
    return;
  }
  {
    std::lock_guard hold(lock_);
    Association* a = find_association(interp);
    if (a != nullptr && a->handles[e] != 0) {
      --a->handles[e];
      if (!a->released[e]) lose_handles_locked(end, 1, &dropped);
      bool unused = a->handles[0] == 0 && a->handles[1] == 0 && !a->released[0] && !a->released[1] && !a->used[0] && !a->used[1];
      if (unused) *a = associations_[--association_count_];
    }
  }
  orphans.add_all(dropped);
  unref();
}

ChannelResult Channel::release(ChannelEnd end, int64_t interp, OrphanList& orphans) {
  int e = static_cast<int>(end);
  Message* dropped = nullptr;
  {
    std::lock_guard hold(lock_);
    if (!open_[e] && kind_ == ChannelKind::kNumbered) return ChannelResult::kClosed;
    Association* a = kind_ == ChannelKind::kNumbered ? make_association(interp) : find_association(interp);
    if (a == nullptr) return kind_ == ChannelKind::kNumbered ? ChannelResult::kNoMemory : ChannelResult::kOk;
    if (a->released[e]) return ChannelResult::kReleased;
    a->released[e] = true;
    lose_handles_locked(end, a->handles[e], &dropped);
    waiting_[e].wake_all();
  }
  orphans.add_all(dropped);
  return ChannelResult::kOk;
}

// ---- messages ----------------------------------------------------------------------------------------------------

ChannelResult Channel::try_send(int64_t interp, Message* message, bool* received_soon) {
  std::lock_guard hold(lock_);
  if (!open_[1]) return ChannelResult::kClosed;
  Association* a = find_association(interp);
  if (a != nullptr && a->released[1]) return ChannelResult::kReleased;
  if (capacity_ != 0 && count_ >= capacity_) return ChannelResult::kFull;
  message->next = nullptr;
  (last_ ? last_->next : first_) = message;
  last_ = message;
  ++count_;
  bool woken = waiting_[0].wake_one();
  if (received_soon != nullptr) *received_soon = woken;
  return ChannelResult::kOk;
}

ChannelResult Channel::try_receive(int64_t interp, Message** message) {
  std::lock_guard hold(lock_);
  if (!open_[0]) return ChannelResult::kClosed;
  Association* a = find_association(interp);
  if (a != nullptr && a->released[0]) return ChannelResult::kReleased;
  Message* m = first_;
  if (m == nullptr) return open_[1] ? ChannelResult::kEmpty : ChannelResult::kClosed;
  first_ = m->next;
  if (first_ == nullptr) last_ = nullptr;
  --count_;
  m->next = nullptr;
  if (capacity_ != 0) waiting_[1].wake_one();
  *message = m;
  return ChannelResult::kOk;
}

// ---- closing -----------------------------------------------------------------------------------------------------

void Channel::close_locked(ChannelEnd end, Message** dropped) {
  open_[1] = false;
  if (end == ChannelEnd::kReceive) {
    open_[0] = false;
    *dropped = std::exchange(first_, nullptr);
    last_ = nullptr;
    count_ = 0;
  }
  waiting_[0].wake_all();
  waiting_[1].wake_all();
}

ChannelResult Channel::close(bool receive, bool send, bool force, OrphanList& orphans) {
  Message* dropped = nullptr;
  {
    std::lock_guard hold(lock_);
    bool done = (!receive || !open_[0]) && (!send || !open_[1]);
    if (done) return ChannelResult::kClosed;
    if (receive && count_ != 0 && !force) return ChannelResult::kNotEmpty;
    close_locked(receive ? ChannelEnd::kReceive : ChannelEnd::kSend, &dropped);
  }
  orphans.add_all(dropped);
  return ChannelResult::kOk;
}

ChannelResult Channel::release_both(int64_t interp, bool receive, bool send, OrphanList& orphans) {
  ChannelResult r = receive ? release(ChannelEnd::kReceive, interp, orphans) : ChannelResult::kOk;
  if (send && r == ChannelResult::kOk) r = release(ChannelEnd::kSend, interp, orphans);
  if (r != ChannelResult::kOk || kind_ != ChannelKind::kNumbered) return r;
  Message* dropped = nullptr;
  {
    std::lock_guard hold(lock_);
    close_if_unused_locked(&dropped);
  }
  orphans.add_all(dropped);
  return r;
}

void Channel::destroy(OrphanList& orphans) {
  Message* dropped = nullptr;
  {
    std::lock_guard hold(lock_);
    destroyed_.store(true, std::memory_order_release);
    close_locked(ChannelEnd::kReceive, &dropped);
  }
  orphans.add_all(dropped);
  // Numbers that nobody gives back any more. The caller has a reference.
  while (unbind(orphans)) {
  }
}

// ---- questions ---------------------------------------------------------------------------------------------------

size_t Channel::size() {
  std::lock_guard hold(lock_);
  return count_;
}
bool Channel::is_open(ChannelEnd end) {
  std::lock_guard hold(lock_);
  // Receiving is over when nothing is left and nothing can come.
  return end == ChannelEnd::kSend ? open_[1] : open_[0] && (open_[1] || first_ != nullptr);
}
bool Channel::is_associated(ChannelEnd end, int64_t interp) {
  std::lock_guard hold(lock_);
  Association* a = find_association(interp);
  return a != nullptr && (a->handles[static_cast<int>(end)] != 0 || a->used[static_cast<int>(end)]) && !a->released[static_cast<int>(end)];
}
size_t Channel::list_interpreters(ChannelEnd end, int64_t* ids, size_t room) {
  int e = static_cast<int>(end);
  std::lock_guard hold(lock_);
  size_t n = 0;
  for (size_t i = 0; i < association_count_; ++i) {
    const Association& a = associations_[i];
    if (a.interp == kInTransit || (a.handles[e] == 0 && !a.used[e]) || a.released[e]) continue;
    if (n < room) ids[n] = a.interp;
    ++n;
  }
  return n;
}

}  // namespace atl
