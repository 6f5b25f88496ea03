// The heap alone: blocks of every size class, spans and chunks that come and go, large blocks that grow, and frees
// from other threads.
#include "Python/runtime/heap.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <thread>
#include <vector>

#ifndef ATOLL_MALLOC_OBJECTS
namespace atl {
namespace {

struct HeapFixture : ::testing::Test {
  std::unique_ptr<Heap> heap = std::make_unique<Heap>();
  void SetUp() override { heap->init(nullptr); }
  void TearDown() override { heap->drop_all(); }
};

void fill(void* p, size_t size, unsigned char mark) { std::memset(p, mark, size); }
bool holds(void* p, size_t size, unsigned char mark) {
  auto* bytes = static_cast<unsigned char*>(p);
  for (size_t i = 0; i < size; ++i) {
    if (bytes[i] != mark) return false;
  }
  return true;
}

TEST_F(HeapFixture, RandomTrafficKeepsBlocksApart) {
  std::mt19937 random(7);
  struct Block {
    void* p;
    size_t size;
    unsigned char mark;
  };
  std::vector<Block> live;
  auto size_of = [&] {
    switch (random() % 8) {
      case 0: return size_t{random() % (3 * kMaxRun)} + 1;
      case 1: return size_t{random() % kMaxRun} + 1;
      case 2: return size_t{random() % (1 << 20)} + 1;
      default: return size_t{random() % 600} + 1;
    }
  };
  for (int step = 0; step < 60000; ++step) {
    unsigned what = random() % 10;
    if (what < 5 || live.empty()) {
      Block b{nullptr, size_of(), static_cast<unsigned char>(random())};
      b.p = heap->alloc(b.size);
      ASSERT_NE(b.p, nullptr);
      ASSERT_GE(Heap::usable_size(b.p), b.size);
      ASSERT_EQ(reinterpret_cast<uintptr_t>(b.p) % 16, 0u);
      fill(b.p, b.size, b.mark);
      live.push_back(b);
    } else {
      size_t i = random() % live.size();
      Block& b = live[i];
      if (what < 7) {
        size_t size = random() % 2 ? b.size + b.size / 8 + 1 : size_of();
        void* p = heap->realloc(b.p, size);
        ASSERT_NE(p, nullptr);
        ASSERT_TRUE(holds(p, size < b.size ? size : b.size, b.mark));
        b.p = p;
        b.size = size;
        fill(b.p, b.size, b.mark);
      } else {
        ASSERT_TRUE(holds(b.p, b.size, b.mark));
        heap->free(b.p);
        live[i] = live.back();
        live.pop_back();
      }
    }
  }
  for (Block& b : live) {
    ASSERT_TRUE(holds(b.p, b.size, b.mark));
    heap->free(b.p);
  }
  EXPECT_EQ(heap->stats().large_blocks, 0u);
  EXPECT_LE(heap->stats().chunks, kSizeClasses + 4) << "only the span each class is at, and a spare";
}

TEST_F(HeapFixture, GrowingBlockKeepsItsContent) {
  size_t size = 1000;
  auto* p = static_cast<uint32_t*>(heap->alloc(size * 4));
  for (size_t i = 0; i < size; ++i) p[i] = static_cast<uint32_t>(i);
  void* other = heap->alloc(40000);  // something in the way
  while (size < (size_t{8} << 20)) {
    size_t more = size + size / 3;
    p = static_cast<uint32_t*>(heap->realloc(p, more * 4));
    ASSERT_NE(p, nullptr);
    for (size_t i = size; i < more; ++i) p[i] = static_cast<uint32_t>(i);
    size = more;
  }
  for (size_t i = 0; i < size; ++i) ASSERT_EQ(p[i], i);
  heap->free(p);
  heap->free(other);
  EXPECT_EQ(heap->stats().large_blocks, 0u);
}

TEST_F(HeapFixture, FreesOfOtherThreadsComeBack) {
  constexpr size_t kBlocks = 20000;
  std::vector<void*> blocks;
  for (size_t i = 0; i < kBlocks; ++i) blocks.push_back(heap->alloc(i % 100 == 0 ? 50000 : 64));
  size_t full = heap->stats().bytes_reserved;
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = t; i < kBlocks; i += 4) Heap::free_remote(blocks[i]);
    });
  }
  for (auto& t : threads) t.join();
  // The owner takes them back when it looks for memory: the same traffic again needs nothing new.
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 0; i < kBlocks; ++i) blocks[i] = heap->alloc(i % 100 == 0 ? 50000 : 64);
    for (void* p : blocks) heap->free(p);
  }
  EXPECT_LE(heap->stats().bytes_reserved, full);
}

TEST_F(HeapFixture, LimitRefusesAndRecovers) {
  heap->limit = 4 * 1024 * 1024;
  std::vector<void*> blocks;
  while (void* p = heap->alloc(512)) blocks.push_back(p);
  EXPECT_GE(blocks.size(), 6000u);
  EXPECT_EQ(heap->alloc(1 << 20), nullptr);
  // A reserve for whoever handles the error, of any small size, and then the end for good.
  size_t in_reserve = 0;
  while (void* p = heap->alloc(16 + in_reserve % 30 * 16)) {
    blocks.push_back(p);
    ++in_reserve;
  }
  EXPECT_GE(in_reserve, 400u);
  for (void* p : blocks) heap->free(p);
  void* again = heap->alloc(1 << 20);
  EXPECT_NE(again, nullptr);
  heap->free(again);
}

TEST_F(HeapFixture, OwnerOfAddresses) {
  int outside = 0;
  void* p = heap->alloc(100);
  void* large = heap->alloc(1 << 20);
  EXPECT_EQ(chunk_of(p)->heap, heap.get());
  EXPECT_EQ(chunk_of(large)->heap, heap.get());
  EXPECT_EQ(heap_owner_of(&outside), nullptr);
  heap->free(p);
  heap->free(large);
}

}  // namespace
}  // namespace atl
#endif
