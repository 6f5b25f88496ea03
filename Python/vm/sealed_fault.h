// What is said when something writes to sealed pages.
#pragma once

#include "Python/runtime/base.h"

namespace atl {

// If the address lies in pages that are mapped read-only: what it belongs to and who wrote, to the file. Async-signal-safe.
bool sealed_fault_report(int fd, const void* address);
// From now on such a write ends the process with that report.
void sealed_fault_install();
// In checked builds and under -X isolation=check: ends the process with a report if a sealed page has changed.
void sealed_verify(ThreadState* ts, const char* when);

}  // namespace atl
