// Slow paths of the arena and the identifier table (see arena.h).
#include "Python/compiler/arena.h"

namespace atl::compiler {

namespace {
constexpr size_t kFirstBlock = 8 * 1024;
constexpr size_t kLargestBlock = 256 * 1024;
}  // namespace

Arena::~Arena() {
  while (blocks_) {
    Block* previous = blocks_->previous;
    std::free(blocks_);
    blocks_ = previous;
  }
}

void* Arena::alloc_slow(size_t size) {
  if (failed_) return nullptr;
  // Blocks double up to a bound, so that a one-line source costs little and a large one few calls.
  size_t block_size = blocks_ ? blocks_->size * 2 : kFirstBlock;
  if (block_size > kLargestBlock) block_size = kLargestBlock;
  if (size > SIZE_MAX / 2) {
    failed_ = true;
    return nullptr;
  }
  bool own_block = size > block_size / 4;
  if (own_block) block_size = size + sizeof(Block);
  if (block_size > limit_ - taken_) {
    failed_ = true;
    return nullptr;
  }
  Block* block = static_cast<Block*>(std::malloc(block_size));
  if (!block) {
    failed_ = true;
    return nullptr;
  }
  taken_ += block_size;
  char* memory = reinterpret_cast<char*>(block + 1);
  if (own_block && blocks_) {
    // A large item gets a block to itself behind the current one, whose rest stays usable.
    block->size = blocks_->size;
    block->previous = blocks_->previous;
    blocks_->previous = block;
    return memory;
  }
  block->size = own_block ? kFirstBlock : block_size;
  block->previous = blocks_;
  blocks_ = block;
  next_ = memory + size;
  end_ = reinterpret_cast<char*>(block) + block_size;
  return memory;
}

char* Arena::copy_text(std::string_view text) {
  char* copy = static_cast<char*>(alloc(text.size() + 1));
  if (!copy) return nullptr;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = 0;
  return copy;
}

uint32_t IdentifierTable::hash_text(std::string_view text) {
  // FNV-1a over the bytes with a final mix; the table is private to one compilation and bounded by the source.
  uint32_t hash = 2166136261u;
  for (unsigned char c : text) hash = (hash ^ c) * 16777619u;
  return hash ^ (hash >> 15);
}

identifier IdentifierTable::intern_hashed(std::string_view text, uint32_t hash) {
  if (count_ * 2 >= mask_ && !grow()) return nullptr;
  for (uint32_t i = hash & mask_;; i = (i + 1) & mask_) {
    Identifier* found = slots_[i];
    if (!found) {
      Identifier* made = arena_.make<Identifier>();
      char* copy = arena_.copy_text(text);
      if (!made || !copy) return nullptr;
      made->text = copy;
      made->size = static_cast<uint32_t>(text.size());
      made->hash = hash;
      slots_[i] = made;
      count_++;
      return made;
    }
    if (found->hash == hash && found->view() == text) return found;
  }
}

bool IdentifierTable::grow() {
  uint32_t capacity = slots_ ? (mask_ + 1) * 2 : 64;
  auto** slots = static_cast<Identifier**>(std::calloc(capacity, sizeof(Identifier*)));
  if (!slots) {
    arena_.note_failure();
    return false;
  }
  for (uint32_t i = 0; slots_ && i <= mask_; i++) {
    Identifier* item = slots_[i];
    if (!item) continue;
    uint32_t j = item->hash & (capacity - 1);
    while (slots[j]) j = (j + 1) & (capacity - 1);
    slots[j] = item;
  }
  std::free(slots_);
  slots_ = slots;
  mask_ = capacity - 1;
  return true;
}

}  // namespace atl::compiler
