// The module itertools.
#include "Modules/itertools/common.h"
#include "Modules/itertools/tee.h"
#include "Modules/module_def.h"

namespace atl {

namespace {

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(itertools_tee, "tee", "($module, iterable, n=2, /)", "A tuple of n independent iterators over one iterable."),
    ATOLL_METHOD_END};

int exec(PyObject* module) {
  for (PyTypeObject* type :
       {&atoll_accumulate_type, &atoll_combinations_type, &atoll_combinations_with_replacement_type, &atoll_cycle_type,
        &atoll_dropwhile_type, &atoll_takewhile_type, &atoll_islice_type, &atoll_starmap_type, &atoll_chain_type,
        &atoll_compress_type, &atoll_filterfalse_type, &atoll_count_type, &atoll_pairwise_type, &atoll_permutations_type,
        &atoll_product_type, &atoll_repeat_type, &atoll_groupby_type, &atoll_zip_longest_type, &atoll_grouper_type,
        &atoll_tee_type, &atoll_tee_data_type}) {
    if (PyModule_AddType(module, type) < 0) return -1;
  }
  return 0;
}

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit_itertools, "itertools",
                     "Iterators that are made of other iterators.\n\n"
                     "Without end: count, cycle, repeat.\n"
                     "Over one or several iterables: accumulate, chain, compress, dropwhile, filterfalse,\n"
                     "groupby, islice, pairwise, starmap, takewhile, tee, zip_longest.\n"
                     "Combinatoric: product, permutations, combinations, combinations_with_replacement.",
                     0, atl::kFunctions, atl::exec)
