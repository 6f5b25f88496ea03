// _socket: hosts, services, protocols and interfaces by name and number; byte order.
#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <climits>
#include <cstring>
#include <vector>

#include "Modules/socket/socket.h"

namespace atl::socket {

namespace {

// A str argument as C text, "" not excepted; NULL with an exception set.
const char* c_text(ThreadState& ts, PyUnicodeObject* s) {
  Py_ssize_t n;
  const char* c = PyUnicode_AsUTF8AndSize(obj(s), &n);
  if (c != nullptr && std::strlen(c) != static_cast<size_t>(n)) return raise(ts, PyExc_ValueError, "embedded null character");
  return c;
}

Raised raise_herror(ThreadState& ts, State& state, int error) {
  Ref<> value = Ref<>::steal(Py_BuildValue("(is)", error, hstrerror(error)));
  return value ? raise_object(ts, state.herror, value.get()) : already_raised();
}

struct AddressList {
  addrinfo* first = nullptr;
  AddressList() = default;
  ~AddressList() {
    if (first != nullptr) freeaddrinfo(first);
  }
};

}  // namespace

Raised raise_gaierror(ThreadState& ts, State& state, int error) {
  if (error == EAI_SYSTEM) return posix::call_error(ts);
  Ref<> value = Ref<>::steal(Py_BuildValue("(is)", error, gai_strerror(error)));
  return value ? raise_object(ts, state.gaierror, value.get()) : already_raised();
}

Ref<> encode_host(ThreadState& ts, PyObject* o, const char* caller, int argument) {
  Ref<> bytes;
  if (is_str(o)) {
    bytes = Ref<>::steal(PyUnicode_AsEncodedString(o, "idna", nullptr));
  } else if (PyBytes_Check(o)) {
    bytes = dup(o);
  } else if (PyByteArray_Check(o)) {
    bytes = Ref<>::steal(PyBytes_FromObject(o));
  } else {
    return raise(ts, PyExc_TypeError, "%s() argument %d must be str, bytes or bytearray, not %T", caller, argument, o);
  }
  if (!bytes) return {};
  if (std::strlen(PyBytes_AS_STRING(bytes.get())) != static_cast<size_t>(PyBytes_GET_SIZE(bytes.get()))) {
    return raise(ts, PyExc_TypeError, "%s() argument %d must be encoded string without null bytes, not %T", caller, argument, o);
  }
  return bytes;
}

Status resolve_host(ThreadState& ts, State& state, const char* name, int family, Address* out, socklen_t* size) {
  std::memset(out, 0, sizeof *out);
  addrinfo hints{};
  AddressList list;
  if (name[0] == 0) {  // any
    hints.ai_family = family;
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_flags = AI_PASSIVE;
    int e = posix::unlocked([&] { return getaddrinfo(nullptr, "0", &hints, &list.first); });
    if (e != 0) return raise_gaierror(ts, state, e);
    if (list.first->ai_next != nullptr) return raise(ts, PyExc_OSError, "wildcard resolved to multiple address");
    *size = list.first->ai_addrlen;
    std::memcpy(out, list.first->ai_addr, *size);
    return Status::kOk;
  }
  if (std::strcmp(name, "255.255.255.255") == 0 || std::strcmp(name, "<broadcast>") == 0) {
    if (family != AF_INET && family != AF_UNSPEC) return raise(ts, PyExc_OSError, "address family mismatched");
    out->in.sin_family = AF_INET;
    out->in.sin_addr.s_addr = INADDR_BROADCAST;
    *size = sizeof out->in;
    return Status::kOk;
  }
  if (family != AF_INET6 && inet_pton(AF_INET, name, &out->in.sin_addr) > 0) {
    out->in.sin_family = AF_INET;
    *size = sizeof out->in;
    return Status::kOk;
  }
  // A number with a scope is for getaddrinfo.
  if (family != AF_INET && std::strchr(name, '%') == nullptr && inet_pton(AF_INET6, name, &out->in6.sin6_addr) > 0) {
    out->in6.sin6_family = AF_INET6;
    *size = sizeof out->in6;
    return Status::kOk;
  }
  hints.ai_family = family;
  int e = posix::unlocked([&] { return getaddrinfo(name, nullptr, &hints, &list.first); });
  if (e != 0) return raise_gaierror(ts, state, e);
  *size = list.first->ai_addrlen;
  std::memcpy(out, list.first->ai_addr, *size);
  return Status::kOk;
}

namespace {

// ---- hosts -------------------------------------------------------------------------------------------------------

Ref<> f_gethostname(ThreadState& ts, PyObject*) {
  if (PySys_Audit("socket.gethostname", nullptr) < 0) return {};
  char name[1024];
  if (posix::unlocked([&] { return gethostname(name, sizeof name - 1); }) < 0) return posix::call_error(ts);
  name[sizeof name - 1] = 0;
  return Ref<>::steal(PyUnicode_DecodeFSDefault(name));
}
Ref<> f_sethostname(ThreadState& ts, PyObject*, PyObject* name) {
  PyObject* encoded = nullptr;
  if (!PyUnicode_FSConverter(name, &encoded)) return {};
  Ref<> bytes = Ref<>::steal(encoded);
  if (PySys_Audit("socket.sethostname", "(O)", name) < 0) return {};
  if (sethostname(PyBytes_AS_STRING(encoded), static_cast<size_t>(PyBytes_GET_SIZE(encoded))) < 0) return posix::call_error(ts);
  return new_none();
}
Ref<> f_gethostbyname(ThreadState& ts, PyObject* m, PyObject* host) {
  Ref<> name = encode_host(ts, host, "gethostbyname", 1);
  Address a;
  socklen_t size;
  if (!name || PySys_Audit("socket.gethostbyname", "O", host) < 0 ||
      failed(resolve_host(ts, *state_of_module(m), PyBytes_AS_STRING(name.get()), AF_INET, &a, &size))) {
    return {};
  }
  return ip_text(ts, &a.any);
}

// (name, aliases, addresses)
Ref<> host_entry(ThreadState& ts, const hostent& h) {
  Ref<> aliases = list_new(ts, 0), addresses = list_new(ts, 0);
  if (!aliases || !addresses) return {};
  for (char** a = h.h_aliases; a != nullptr && *a != nullptr; ++a) {
    Ref<> s = Ref<>::steal(PyUnicode_FromString(*a));
    if (!s || failed(list_append(ts, aliases.get(), std::move(s)))) return {};
  }
  for (char** a = h.h_addr_list; a != nullptr && *a != nullptr; ++a) {
    char text[INET6_ADDRSTRLEN];
    if (inet_ntop(h.h_addrtype, *a, text, sizeof text) == nullptr) return raise(ts, PyExc_OSError, "unsupported address family");
    if (failed(list_append(ts, addresses.get(), str_from_ascii(ts, text)))) return {};
  }
  return Ref<>::steal(Py_BuildValue("(sOO)", h.h_name, aliases.get(), addresses.get()));
}
// Calls a reentrant look-up with as much room as it wants.
template <class F>
Ref<> host_look_up(ThreadState& ts, PyObject* m, F call) {
  std::vector<char> room;
  for (size_t size = 4096;; size *= 2) {
    room.resize(size);
    hostent entry, *found = nullptr;
    int error = 0;
    int e = posix::unlocked([&] { return call(&entry, room.data(), size, &found, &error); });
    if (e == ERANGE && size < (size_t{1} << 24)) continue;
    return found != nullptr ? host_entry(ts, *found) : Ref<>(raise_herror(ts, *state_of_module(m), error));
  }
}
Ref<> f_gethostbyname_ex(ThreadState& ts, PyObject* m, PyObject* host) {
  Ref<> name = encode_host(ts, host, "gethostbyname_ex", 1);
  Address a;
  socklen_t size;
  if (!name || PySys_Audit("socket.gethostbyname", "O", host) < 0 ||
      failed(resolve_host(ts, *state_of_module(m), PyBytes_AS_STRING(name.get()), AF_INET, &a, &size))) {
    return {};
  }
  return host_look_up(ts, m, [&](hostent* h, char* buffer, size_t n, hostent** found, int* error) {
    return gethostbyname_r(PyBytes_AS_STRING(name.get()), h, buffer, n, found, error);
  });
}
Ref<> f_gethostbyaddr(ThreadState& ts, PyObject* m, PyObject* host) {
  Ref<> name = encode_host(ts, host, "gethostbyaddr", 1);
  Address a;
  socklen_t size;
  if (!name || PySys_Audit("socket.gethostbyaddr", "O", host) < 0 ||
      failed(resolve_host(ts, *state_of_module(m), PyBytes_AS_STRING(name.get()), AF_UNSPEC, &a, &size))) {
    return {};
  }
  const void* raw = a.any.sa_family == AF_INET6 ? static_cast<const void*>(&a.in6.sin6_addr) : static_cast<const void*>(&a.in.sin_addr);
  socklen_t raw_size = a.any.sa_family == AF_INET6 ? sizeof a.in6.sin6_addr : sizeof a.in.sin_addr;
  return host_look_up(ts, m, [&](hostent* h, char* buffer, size_t n, hostent** found, int* error) {
    return gethostbyaddr_r(raw, raw_size, a.any.sa_family, h, buffer, n, found, error);
  });
}

Ref<> f_getaddrinfo(ThreadState& ts, PyObject* m, PyObject* host, PyObject* port, int family, int type, int protocol, int flags) {
  Ref<> host_bytes, port_bytes;
  if (host == Py_None) {
  } else if (is_str(host)) {
    host_bytes = Ref<>::steal(PyUnicode_AsEncodedString(host, "idna", nullptr));
    if (!host_bytes) return {};
  } else if (PyBytes_Check(host)) {
    host_bytes = dup(host);
  } else {
    return raise(ts, PyExc_TypeError, "getaddrinfo() argument 1 must be string or None");
  }
  char number[32];
  const char* service = nullptr;
  if (is_int(port)) {
    long value = PyLong_AsLong(port);
    if (error_set(ts)) return {};
    std::snprintf(number, sizeof number, "%ld", value);
    service = number;
  } else if (is_str(port)) {
    service = PyUnicode_AsUTF8(port);
    if (service == nullptr) return {};
  } else if (PyBytes_Check(port)) {
    service = PyBytes_AS_STRING(port);
  } else if (port != Py_None) {
    return raise(ts, PyExc_OSError, "Int or String expected");
  }
  if (PySys_Audit("socket.getaddrinfo", "OOiii", host, port, family, type, protocol) < 0) return {};
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = type;
  hints.ai_protocol = protocol;
  hints.ai_flags = flags;
  AddressList list;
  int e = posix::unlocked([&] { return getaddrinfo(host_bytes ? PyBytes_AS_STRING(host_bytes.get()) : nullptr, service, &hints, &list.first); });
  if (e != 0) return raise_gaierror(ts, *state_of_module(m), e);
  Ref<> result = list_new(ts, 0);
  for (addrinfo* a = list.first; result && a != nullptr; a = a->ai_next) {
    Address address{};
    std::memcpy(&address, a->ai_addr, a->ai_addrlen < sizeof address ? a->ai_addrlen : sizeof address);
    Ref<> where = address_to_python(ts, address, a->ai_addrlen, -1);
    if (!where) return {};
    Ref<> item = Ref<>::steal(
        Py_BuildValue("(iiisO)", a->ai_family, a->ai_socktype, a->ai_protocol, a->ai_canonname != nullptr ? a->ai_canonname : "", where.get()));
    if (!item || failed(list_append(ts, result.get(), std::move(item)))) return {};
  }
  return result;
}

Ref<> f_getnameinfo(ThreadState& ts, PyObject* m, PyObject* address, int flags) {
  if (!is_tuple(address)) return raise(ts, PyExc_TypeError, "getnameinfo() argument 1 must be a tuple");
  Py_ssize_t n = tuple_size(address);
  auto illegal = [&] { return Ref<>(raise(ts, PyExc_TypeError, "getnameinfo(): illegal sockaddr argument")); };
  if (n < 2 || n > 4 || !is_str(tuple_peek(address, 0))) return illegal();
  const char* host = PyUnicode_AsUTF8(tuple_peek(address, 0));
  uint32_t numbers[3] = {0, 0, 0};
  if (host == nullptr) return {};
  for (Py_ssize_t i = 1; i < n; ++i) {
    Ref<> index = number_index(ts, tuple_peek(address, i));
    if (!index) return {};
    numbers[i - 1] = static_cast<uint32_t>(PyLong_AsUnsignedLongMask(index.get()));
    if (error_set(ts)) return {};
  }
  if (numbers[1] > 0xfffff) return raise(ts, PyExc_OverflowError, "getnameinfo(): flowinfo must be 0-1048575.");
  if (PySys_Audit("socket.getnameinfo", "(O)", address) < 0) return {};
  char port[16];
  std::snprintf(port, sizeof port, "%d", static_cast<int>(numbers[0]));
  State& state = *state_of_module(m);
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICHOST;  // names are for getaddrinfo
  AddressList list;
  int e = posix::unlocked([&] { return getaddrinfo(host, port, &hints, &list.first); });
  if (e != 0) return raise_gaierror(ts, state, e);
  if (list.first->ai_next != nullptr) return raise(ts, PyExc_OSError, "sockaddr resolved to multiple addresses");
  if (list.first->ai_family == AF_INET) {
    if (n != 2) return raise(ts, PyExc_OSError, "IPv4 sockaddr must be 2 tuple");
  } else if (list.first->ai_family == AF_INET6) {
    auto* a = reinterpret_cast<sockaddr_in6*>(list.first->ai_addr);
    a->sin6_flowinfo = htonl(numbers[1]);
    a->sin6_scope_id = numbers[2];
  }
  char host_text[NI_MAXHOST], service_text[NI_MAXSERV];
  e = posix::unlocked([&] {
    return getnameinfo(list.first->ai_addr, list.first->ai_addrlen, host_text, sizeof host_text, service_text, sizeof service_text, flags);
  });
  if (e != 0) return raise_gaierror(ts, state, e);
  Ref<> name = Ref<>::steal(PyUnicode_DecodeUTF8(host_text, static_cast<Py_ssize_t>(std::strlen(host_text)), "surrogateescape"));
  return name ? Ref<>::steal(Py_BuildValue("(Os)", name.get(), service_text)) : Ref<>();
}

// ---- services and protocols --------------------------------------------------------------------------------------

Ref<> f_getservbyname(ThreadState& ts, PyObject*, PyUnicodeObject* name, PyUnicodeObject* protocol) {
  const char* service = c_text(ts, name);
  const char* wanted = protocol != nullptr && service != nullptr ? c_text(ts, protocol) : nullptr;
  if (service == nullptr || (protocol != nullptr && wanted == nullptr)) return {};
  if (PySys_Audit("socket.getservbyname", "ss", service, wanted != nullptr ? wanted : "") < 0) return {};
  servent entry, *found = nullptr;
  char room[8192];
  posix::unlocked([&] { return getservbyname_r(service, wanted, &entry, room, sizeof room, &found); });
  if (found == nullptr) return raise(ts, PyExc_OSError, "service/proto not found");
  return int_from_i64(ts, ntohs(static_cast<uint16_t>(found->s_port)));
}
Ref<> f_getservbyport(ThreadState& ts, PyObject*, int port, PyUnicodeObject* protocol) {
  const char* wanted = protocol != nullptr ? c_text(ts, protocol) : nullptr;
  if (protocol != nullptr && wanted == nullptr) return {};
  if (port < 0 || port > 0xffff) return raise(ts, PyExc_OverflowError, "getservbyport: port must be 0-65535.");
  if (PySys_Audit("socket.getservbyport", "is", port, wanted != nullptr ? wanted : "") < 0) return {};
  servent entry, *found = nullptr;
  char room[8192];
  posix::unlocked([&] { return getservbyport_r(htons(static_cast<uint16_t>(port)), wanted, &entry, room, sizeof room, &found); });
  if (found == nullptr) return raise(ts, PyExc_OSError, "port/proto not found");
  return Ref<>::steal(PyUnicode_FromString(found->s_name));
}
Ref<> f_getprotobyname(ThreadState& ts, PyObject*, PyUnicodeObject* name) {
  const char* c = c_text(ts, name);
  if (c == nullptr) return {};
  protoent entry, *found = nullptr;
  char room[8192];
  posix::unlocked([&] { return getprotobyname_r(c, &entry, room, sizeof room, &found); });
  if (found == nullptr) return raise(ts, PyExc_OSError, "protocol not found");
  return int_from_i64(ts, found->p_proto);
}

// ---- interfaces --------------------------------------------------------------------------------------------------

Ref<> f_if_nameindex(ThreadState& ts, PyObject*) {
  auto* all = if_nameindex();
  if (all == nullptr) return posix::call_error(ts);
  Ref<> list = list_new(ts, 0);
  for (auto* i = all; list && i->if_index != 0; ++i) {
    Ref<> name = Ref<>::steal(PyUnicode_DecodeFSDefault(i->if_name));
    Ref<> item = name ? Ref<>::steal(Py_BuildValue("(IO)", i->if_index, name.get())) : Ref<>();
    if (!item || failed(list_append(ts, list.get(), std::move(item)))) list = {};
  }
  if_freenameindex(all);
  return list;
}
PyObject* f_if_nametoindex(PyObject*, PyObject* name) {
  ThreadState& ts = current_thread();
  PyObject* encoded = nullptr;
  if (!PyUnicode_FSConverter(name, &encoded)) return nullptr;
  Ref<> bytes = Ref<>::steal(encoded);
  unsigned index = if_nametoindex(PyBytes_AS_STRING(encoded));
  if (index == 0) return raise(ts, PyExc_OSError, "no interface with this name");
  return int_from_i64(ts, index).release();
}
Ref<> f_if_indextoname(ThreadState& ts, PyObject*, PyObject* number) {
  if (!is_int(number)) return raise(ts, PyExc_TypeError, "an integer is required");
  unsigned long index = PyLong_AsUnsignedLong(number);
  if (error_set(ts)) return {};
  char name[IF_NAMESIZE];
  if (index > UINT_MAX || if_indextoname(static_cast<unsigned>(index), name) == nullptr) return raise_os_error(ts, ENXIO);
  return Ref<>::steal(PyUnicode_DecodeFSDefault(name));
}

// ---- byte order and numbers of addresses -------------------------------------------------------------------------

template <uint32_t (*kSwap)(uint32_t)>
Ref<> swap_long(ThreadState& ts, PyObject*, PyObject* o) {
  if (!is_int(o)) return raise(ts, PyExc_TypeError, "expected int, %s found", o->ob_type->tp_name);
  unsigned long v = PyLong_AsUnsignedLong(o);
  if (error_set(ts)) return {};
  if (v > 0xffffffff) return raise(ts, PyExc_OverflowError, "int larger than 32 bits");
  return int_from_i64(ts, kSwap(static_cast<uint32_t>(v)));
}
Ref<> swap_short(ThreadState& ts, const char* name, int v) {
  if (v < 0) return raise(ts, PyExc_OverflowError, "%s: can't convert negative Python int to C 16-bit unsigned integer", name);
  if (v > 0xffff) return raise(ts, PyExc_OverflowError, "%s: Python int too large to convert to C 16-bit unsigned integer", name);
  return int_from_i64(ts, htons(static_cast<uint16_t>(v)));
}
Ref<> f_htons(ThreadState& ts, PyObject*, int v) { return swap_short(ts, "htons", v); }
Ref<> f_ntohs(ThreadState& ts, PyObject*, int v) { return swap_short(ts, "ntohs", v); }
uint32_t swap32(uint32_t v) { return htonl(v); }

Ref<> f_inet_aton(ThreadState& ts, PyObject*, PyUnicodeObject* text) {
  const char* c = c_text(ts, text);
  in_addr a;
  if (c == nullptr) return {};
  if (inet_aton(c, &a) == 0) return raise(ts, PyExc_OSError, "illegal IP address string passed to inet_aton");
  return bytes_from(ts, {reinterpret_cast<char*>(&a), sizeof a});
}
Ref<> f_inet_ntoa(ThreadState& ts, PyObject*, const BufferArg& packed) {
  if (packed.size() != sizeof(in_addr)) return raise(ts, PyExc_OSError, "packed IP wrong length for inet_ntoa");
  char text[INET_ADDRSTRLEN];
  return str_from_ascii(ts, inet_ntop(AF_INET, packed.data(), text, sizeof text));
}
Ref<> f_inet_pton(ThreadState& ts, PyObject*, int family, PyUnicodeObject* text) {
  const char* c = c_text(ts, text);
  char packed[sizeof(in6_addr)];
  if (c == nullptr) return {};
  int r = inet_pton(family, c, packed);
  if (r < 0) return posix::call_error(ts);
  if (r == 0) return raise(ts, PyExc_OSError, "illegal IP address string passed to inet_pton");
  return bytes_from(ts, {packed, family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr)});
}
Ref<> f_inet_ntop(ThreadState& ts, PyObject*, int family, const BufferArg& packed) {
  if (family != AF_INET && family != AF_INET6) return raise(ts, PyExc_ValueError, "unknown address family %d", family);
  if (packed.size() != static_cast<Py_ssize_t>(family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr))) {
    return raise(ts, PyExc_ValueError, "invalid length of packed IP address string");
  }
  char text[INET6_ADDRSTRLEN];
  const char* r = inet_ntop(family, packed.data(), text, sizeof text);
  return r != nullptr ? str_from_ascii(ts, r) : Ref<>(posix::call_error(ts));
}
Ref<> f_cmsg_len(ThreadState& ts, PyObject*, Py_ssize_t n) {
  if (n < 0 || n > static_cast<Py_ssize_t>(INT_MAX - CMSG_LEN(0))) return raise(ts, PyExc_OverflowError, "CMSG_LEN() argument out of range");
  return int_from_i64(ts, static_cast<int64_t>(CMSG_LEN(static_cast<size_t>(n))));
}
Ref<> f_cmsg_space(ThreadState& ts, PyObject*, Py_ssize_t n) {
  if (n < 0 || n > static_cast<Py_ssize_t>(INT_MAX - CMSG_SPACE(1))) return raise(ts, PyExc_OverflowError, "CMSG_SPACE() argument out of range");
  return int_from_i64(ts, static_cast<int64_t>(CMSG_SPACE(static_cast<size_t>(n))));
}

// ---- descriptors, defaults ---------------------------------------------------------------------------------------

Ref<> f_close(ThreadState& ts, PyObject*, int fd) {
  int r = posix::unlocked([fd] { return close(fd); });
  return r < 0 && errno != ECONNRESET ? Ref<>(posix::call_error(ts)) : new_none();
}
Ref<> f_dup(ThreadState& ts, PyObject*, int fd) {
  int r = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return r < 0 ? Ref<>(posix::call_error(ts)) : int_from_i64(ts, r);
}
Ref<> f_socketpair(ThreadState& ts, PyObject* m, PyObject* family, PyObject* type, PyObject* protocol) {
  int numbers[3] = {AF_UNIX, SOCK_STREAM, 0};
  int i = 0;
  for (PyObject* o : {family, type, protocol}) {
    if (o != nullptr) {
      Ref<> index = number_index(ts, o);
      if (!index) return {};
      numbers[i] = _PyLong_AsInt(index.get());
      if (error_set(ts)) return {};
    }
    ++i;
  }
  return new_socket_pair(ts, m, numbers[0], numbers[1], numbers[2]);
}
Ref<> f_getdefaulttimeout(ThreadState& ts, PyObject* m) { return timeout_number(ts, state_of_module(m)->default_timeout); }
Status f_setdefaulttimeout(ThreadState& ts, PyObject* m, PyObject* timeout) { return parse_timeout(ts, timeout, &state_of_module(m)->default_timeout); }

}  // namespace

constexpr MethodSpec kNameFunctions[] = {
    ATOLL_METHOD_PLAIN(f_gethostname, "gethostname", "($module, /)", "gethostname() -> string\n\nThe name of this host."),
    ATOLL_METHOD_PLAIN(f_sethostname, "sethostname", "($module, name, /)", "sethostname(name)\n\nSet the name of this host."),
    ATOLL_METHOD_PLAIN(f_gethostbyname, "gethostbyname", "($module, host, /)", "gethostbyname(host) -> address\n\nA host's IPv4 address."),
    ATOLL_METHOD_PLAIN(f_gethostbyname_ex, "gethostbyname_ex", "($module, host, /)",
                       "gethostbyname_ex(host) -> (name, aliaslist, addresslist)\n\nA host's true name, other names and IPv4 addresses."),
    ATOLL_METHOD_PLAIN(f_gethostbyaddr, "gethostbyaddr", "($module, host, /)",
                       "gethostbyaddr(host) -> (name, aliaslist, addresslist)\n\nThe same for a host given by its address."),
    ATOLL_METHOD_PLAIN(f_getaddrinfo, "getaddrinfo", "($module, /, host, port, family=0, type=0, proto=0, flags=0)",
                       "getaddrinfo(host, port [, family, type, proto, flags])\n    -> list of (family, type, proto, canonname, sockaddr)\n\n"
                       "What is needed to make a socket connected to a service."),
    ATOLL_METHOD_PLAIN(f_getnameinfo, "getnameinfo", "($module, sockaddr, flags, /)",
                       "getnameinfo(sockaddr, flags) --> (host, port)\n\nThe host and port of an address."),
    ATOLL_METHOD_PLAIN(f_getservbyname, "getservbyname", "($module, servicename, protocolname=None, /)",
                       "getservbyname(servicename[, protocolname]) -> integer\n\nA service's port."),
    ATOLL_METHOD_PLAIN(f_getservbyport, "getservbyport", "($module, port, protocolname=None, /)",
                       "getservbyport(port[, protocolname]) -> string\n\nThe service of a port."),
    ATOLL_METHOD_PLAIN(f_getprotobyname, "getprotobyname", "($module, name, /)", "getprotobyname(name) -> integer\n\nA protocol's number."),
    ATOLL_METHOD_PLAIN(f_if_nameindex, "if_nameindex", "($module, /)", "if_nameindex()\n\nA list of (index, name) of all network interfaces."),
    ATOLL_METHOD_RAW(f_if_nametoindex, "if_nametoindex", METH_O, "if_nametoindex(if_name)\n\nThe index of a network interface."),
    ATOLL_METHOD_PLAIN(f_if_indextoname, "if_indextoname", "($module, if_index, /)", "if_indextoname(if_index)\n\nThe name of a network interface."),
    ATOLL_METHOD_PLAIN(swap_long<swap32>, "htonl", "($module, integer, /)", "htonl(integer) -> integer\n\n32 bits from host to network byte order."),
    ATOLL_METHOD_PLAIN(swap_long<swap32>, "ntohl", "($module, integer, /)", "ntohl(integer) -> integer\n\n32 bits from network to host byte order."),
    ATOLL_METHOD_PLAIN(f_htons, "htons", "($module, integer, /)", "htons(integer) -> integer\n\n16 bits from host to network byte order."),
    ATOLL_METHOD_PLAIN(f_ntohs, "ntohs", "($module, integer, /)", "ntohs(integer) -> integer\n\n16 bits from network to host byte order."),
    ATOLL_METHOD_PLAIN(f_inet_aton, "inet_aton", "($module, ip_addr, /)", "inet_aton(string) -> bytes giving packed 32-bit IP representation"),
    ATOLL_METHOD_PLAIN(f_inet_ntoa, "inet_ntoa", "($module, packed_ip, /)", "inet_ntoa(packed_ip) -> ip_address_string"),
    ATOLL_METHOD_PLAIN(f_inet_pton, "inet_pton", "($module, af, ip, /)", "inet_pton(af, ip) -> packed IP address string"),
    ATOLL_METHOD_PLAIN(f_inet_ntop, "inet_ntop", "($module, af, packed_ip, /)", "inet_ntop(af, packed_ip) -> string formatted IP address"),
    ATOLL_METHOD_PLAIN(f_cmsg_len, "CMSG_LEN", "($module, length, /)", "CMSG_LEN(length) -> control message length, without padding after the data"),
    ATOLL_METHOD_PLAIN(f_cmsg_space, "CMSG_SPACE", "($module, length, /)", "CMSG_SPACE(length) -> buffer size for a control message with padding"),
    ATOLL_METHOD_PLAIN(f_close, "close", "($module, fd, /)", "close(integer) -> None\n\nClose a socket's descriptor."),
    ATOLL_METHOD_PLAIN(f_dup, "dup", "($module, fd, /)", "dup(integer) -> integer\n\nDuplicate a socket's descriptor; the new one is not inherited."),
    ATOLL_METHOD_PLAIN(f_socketpair, "socketpair", "($module, family=AF_UNIX, type=SOCK_STREAM, proto=0, /)",
                       "socketpair([family[, type [, proto]]]) -> (socket object, socket object)\n\nTwo sockets connected with each other."),
    ATOLL_METHOD_PLAIN(f_getdefaulttimeout, "getdefaulttimeout", "($module, /)", "getdefaulttimeout() -> timeout\n\nThe timeout of new sockets, or None."),
    ATOLL_METHOD_PLAIN(f_setdefaulttimeout, "setdefaulttimeout", "($module, timeout, /)", "setdefaulttimeout(timeout)\n\nSet the timeout of new sockets."),
    ATOLL_METHOD_END};

}  // namespace atl::socket
