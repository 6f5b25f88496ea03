// Static types that no public header declares. Only the bring-up of static types includes this.
#pragma once

#include "Python.h"

extern "C" {
extern PyTypeObject _PyNamespace_Type;
extern PyTypeObject _PyUnion_Type;
extern PyTypeObject _Py_GenericAliasIterType;
extern PyTypeObject _PyAnextAwaitable_Type;
extern PyTypeObject _PyUnicodeASCIIIter_Type;
extern PyTypeObject _PyMemoryIter_Type;
extern PyTypeObject _PyUnicodeEncodingMap_Type;
extern PyTypeObject _PyFormatterIter_Type;
extern PyTypeObject _PyFieldNameIter_Type;
// Types of built-in modules.
extern PyTypeObject atoll_count_type;
extern PyTypeObject atoll_cycle_type;
extern PyTypeObject atoll_repeat_type;
extern PyTypeObject atoll_compress_type;
extern PyTypeObject atoll_filterfalse_type;
extern PyTypeObject atoll_starmap_type;
extern PyTypeObject atoll_pairwise_type;
extern PyTypeObject atoll_dropwhile_type;
extern PyTypeObject atoll_takewhile_type;
extern PyTypeObject atoll_islice_type;
extern PyTypeObject atoll_chain_type;
extern PyTypeObject atoll_zip_longest_type;
extern PyTypeObject atoll_accumulate_type;
extern PyTypeObject atoll_groupby_type;
extern PyTypeObject atoll_grouper_type;
extern PyTypeObject atoll_tee_type;
extern PyTypeObject atoll_tee_data_type;
extern PyTypeObject atoll_product_type;
extern PyTypeObject atoll_permutations_type;
extern PyTypeObject atoll_combinations_type;
extern PyTypeObject atoll_combinations_with_replacement_type;
extern PyTypeObject atoll_partial_type;
extern PyTypeObject atoll_key_wrapper_type;
extern PyTypeObject atoll_lru_cache_type;
extern PyTypeObject atoll_lru_link_type;
extern PyTypeObject atoll_itemgetter_type;
extern PyTypeObject atoll_attrgetter_type;
extern PyTypeObject atoll_methodcaller_type;
extern PyTypeObject atoll_deque_type;
extern PyTypeObject atoll_deque_iter_type;
extern PyTypeObject atoll_deque_reverse_iter_type;
extern PyTypeObject atoll_defaultdict_type;
extern PyTypeObject atoll_tuplegetter_type;
extern PyTypeObject atoll_odict_node_type;
extern PyTypeObject atoll_random_type;
extern PyTypeObject atoll_sha384_type;
extern PyTypeObject atoll_sha512_type;
extern PyTypeObject atoll_unpack_iter_type;
extern PyTypeObject atoll_array_type;
extern PyTypeObject atoll_array_iter_type;
extern PyTypeObject atoll_context_keys_iter_type;
extern PyTypeObject atoll_context_values_iter_type;
extern PyTypeObject atoll_context_items_iter_type;
extern PyTypeObject atoll_token_missing_type;
extern PyTypeObject atoll_hamt_type;
extern PyTypeObject atoll_symtable_entry_type;
extern PyTypeObject atoll_io_base_type;
extern PyTypeObject atoll_io_raw_base_type;
extern PyTypeObject atoll_io_buffered_base_type;
extern PyTypeObject atoll_io_text_base_type;
extern PyTypeObject atoll_io_file_type;
extern PyTypeObject atoll_io_bytes_type;
extern PyTypeObject atoll_io_buffered_reader_type;
extern PyTypeObject atoll_io_buffered_writer_type;
extern PyTypeObject atoll_io_buffered_random_type;
extern PyTypeObject atoll_io_buffered_pair_type;
extern PyTypeObject atoll_io_newline_decoder_type;
extern PyTypeObject atoll_io_string_type;
extern PyTypeObject atoll_io_text_wrapper_type;
PyAPI_DATA(PyTypeObject) _PyBytesIOBuffer_Type;
}
