// _socket: addresses of each family, from Python and to Python.
#include <net/if.h>
#include <sys/ioctl.h>

#include <cstring>

#include "Modules/socket/socket.h"

namespace atl::socket {

namespace {

// ---- numbers in address tuples -----------------------------------------------------------------------------------

Status as_number(ThreadState& ts, PyObject* o, int64_t* out, int* overflow) {
  Ref<> index = number_index(ts, o);
  if (!index) return Status::kError;
  *out = int_as_i64_overflow(index.get(), overflow);
  if (*overflow != 0) *out = *overflow > 0 ? INT64_MAX : INT64_MIN;
  return Status::kOk;
}
Status as_u32(ThreadState& ts, PyObject* o, uint32_t* out) {
  Ref<> index = number_index(ts, o);
  if (!index) return Status::kError;
  *out = static_cast<uint32_t>(PyLong_AsUnsignedLongMask(index.get()));
  return error_set(ts) ? Status::kError : Status::kOk;
}
Status as_c_int(ThreadState& ts, PyObject* o, int* out) {
  Ref<> index = number_index(ts, o);
  if (!index) return Status::kError;
  *out = _PyLong_AsInt(index.get());
  return error_set(ts) ? Status::kError : Status::kOk;
}

Status need_tuple(ThreadState& ts, PyObject* o, const char* caller, const char* family) {
  if (is_tuple(o)) return Status::kOk;
  return raise(ts, PyExc_TypeError, "%s(): %s address must be tuple, not %.500s", caller, family, o->ob_type->tp_name);
}
Status need_items(ThreadState& ts, PyObject* o, Py_ssize_t least, Py_ssize_t most, const char* message) {
  if (tuple_size(o) >= least && tuple_size(o) <= most) return Status::kOk;
  return raise(ts, PyExc_TypeError, "%s", message);
}

// The host in an address: ASCII text as it is, other text through IDNA.
Ref<> host_in_address(ThreadState& ts, PyObject* o) {
  Ref<> bytes;
  if (is_str(o) && str_is_ascii(o)) {
    bytes = Ref<>::steal(PyUnicode_AsASCIIString(o));
  } else if (is_str(o)) {
    bytes = Ref<>::steal(PyUnicode_AsEncodedString(o, "idna", nullptr));
  } else if (PyBytes_Check(o)) {
    bytes = dup(o);
  } else if (PyByteArray_Check(o)) {
    bytes = Ref<>::steal(PyBytes_FromObject(o));
  } else {
    return raise(ts, PyExc_TypeError, "str, bytes or bytearray expected, not %s", o->ob_type->tp_name);
  }
  if (!bytes) return {};
  if (std::strlen(PyBytes_AS_STRING(bytes.get())) != static_cast<size_t>(PyBytes_GET_SIZE(bytes.get()))) {
    return raise(ts, PyExc_TypeError, "host name must not contain null character");
  }
  return bytes;
}

// The index of a network interface, 0 for an empty name.
Status interface_index(ThreadState& ts, SocketObject* s, PyObject* name, int* out) {
  PyObject* encoded = nullptr;
  if (!PyUnicode_FSConverter(name, &encoded)) return Status::kError;
  Ref<> bytes = Ref<>::steal(encoded);
  *out = 0;
  Py_ssize_t n = PyBytes_GET_SIZE(encoded);
  if (n == 0) return Status::kOk;
  ifreq request{};
  if (n >= static_cast<Py_ssize_t>(sizeof request.ifr_name)) return raise(ts, PyExc_OSError, "AF_CAN interface name too long");
  std::memcpy(request.ifr_name, PyBytes_AS_STRING(encoded), static_cast<size_t>(n));
  if (ioctl(s->fd, SIOCGIFINDEX, &request) < 0) return posix::call_error(ts);
  *out = request.ifr_ifindex;
  return Status::kOk;
}

const char* interface_name(int index, char (&buffer)[IF_NAMESIZE]) {
  if (index == 0 || if_indextoname(static_cast<unsigned>(index), buffer) == nullptr) buffer[0] = 0;
  return buffer;
}

bool parse_bluetooth(const char* text, uint8_t out[6]) {
  unsigned b[6];
  char rest;
  if (std::sscanf(text, "%X:%X:%X:%X:%X:%X%c", &b[5], &b[4], &b[3], &b[2], &b[1], &b[0], &rest) != 6) return false;
  for (int i = 0; i < 6; ++i) {
    if (b[i] > 255) return false;
    out[i] = static_cast<uint8_t>(b[i]);
  }
  return true;
}
Ref<> bluetooth_text(ThreadState& ts, const uint8_t b[6]) {
  char text[18];
  std::snprintf(text, sizeof text, "%02X:%02X:%02X:%02X:%02X:%02X", b[5], b[4], b[3], b[2], b[1], b[0]);
  return str_from_ascii(ts, text);
}

// ---- from Python, by family --------------------------------------------------------------------------------------

Status from_inet(ThreadState& ts, State& state, PyObject* o, const char* caller, Address* out, socklen_t* size) {
  if (failed(need_tuple(ts, o, caller, "AF_INET")) || failed(need_items(ts, o, 2, 2, "AF_INET address must be a pair (host, port)"))) {
    return Status::kError;
  }
  int64_t port;
  int overflow;
  Ref<> host = host_in_address(ts, tuple_peek(o, 0));
  if (!host || failed(as_number(ts, tuple_peek(o, 1), &port, &overflow))) return Status::kError;
  if (failed(resolve_host(ts, state, PyBytes_AS_STRING(host.get()), AF_INET, out, size))) return Status::kError;
  if (port < 0 || port > 0xffff) return raise(ts, PyExc_OverflowError, "%s(): port must be 0-65535.", caller);
  out->in.sin_family = AF_INET;
  out->in.sin_port = htons(static_cast<uint16_t>(port));
  *size = sizeof out->in;
  return Status::kOk;
}
Status from_inet6(ThreadState& ts, State& state, PyObject* o, const char* caller, Address* out, socklen_t* size) {
  if (failed(need_tuple(ts, o, caller, "AF_INET6")) ||
      failed(need_items(ts, o, 2, 4, "AF_INET6 address must be a tuple (host, port[, flowinfo[, scopeid]])"))) {
    return Status::kError;
  }
  int64_t port;
  int overflow;
  uint32_t flow = 0, scope = 0;
  Ref<> host = host_in_address(ts, tuple_peek(o, 0));
  if (!host || failed(as_number(ts, tuple_peek(o, 1), &port, &overflow))) return Status::kError;
  if (tuple_size(o) > 2 && failed(as_u32(ts, tuple_peek(o, 2), &flow))) return Status::kError;
  if (tuple_size(o) > 3 && failed(as_u32(ts, tuple_peek(o, 3), &scope))) return Status::kError;
  if (failed(resolve_host(ts, state, PyBytes_AS_STRING(host.get()), AF_INET6, out, size))) return Status::kError;
  if (port < 0 || port > 0xffff) return raise(ts, PyExc_OverflowError, "%s(): port must be 0-65535.", caller);
  if (flow > 0xfffff) return raise(ts, PyExc_OverflowError, "%s(): flowinfo must be 0-1048575.", caller);
  out->in6.sin6_family = AF_INET6;
  out->in6.sin6_port = htons(static_cast<uint16_t>(port));
  out->in6.sin6_flowinfo = htonl(flow);
  out->in6.sin6_scope_id = scope;
  *size = sizeof out->in6;
  return Status::kOk;
}
Status from_unix(ThreadState& ts, PyObject* o, Address* out, socklen_t* size) {
  Ref<> path = is_str(o) ? Ref<>::steal(PyUnicode_EncodeFSDefault(o)) : dup(o);
  BufferArg bytes;
  if (!path || PyObject_GetBuffer(path.get(), &bytes.view, PyBUF_SIMPLE) < 0) return Status::kError;
  auto n = static_cast<size_t>(bytes.size());
  bool abstract = n == 0 || bytes.data()[0] == 0;
  if (n + (abstract ? 0 : 1) > sizeof out->un.sun_path) return raise(ts, PyExc_OSError, "AF_UNIX path too long");
  out->un.sun_family = AF_UNIX;
  std::memcpy(out->un.sun_path, bytes.data(), n);
  if (!abstract) out->un.sun_path[n] = 0;
  *size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + n);
  return Status::kOk;
}
Status from_netlink(ThreadState& ts, PyObject* o, const char* caller, Address* out, socklen_t* size) {
  uint32_t pid, groups;
  if (failed(need_tuple(ts, o, caller, "AF_NETLINK")) || failed(need_items(ts, o, 2, 2, "AF_NETLINK address must be a pair (pid, groups)")) ||
      failed(as_u32(ts, tuple_peek(o, 0), &pid)) || failed(as_u32(ts, tuple_peek(o, 1), &groups))) {
    return Status::kError;
  }
  out->netlink.nl_family = AF_NETLINK;
  out->netlink.nl_pid = pid;
  out->netlink.nl_groups = groups;
  *size = sizeof out->netlink;
  return Status::kOk;
}
Status from_packet(ThreadState& ts, SocketObject* s, PyObject* o, const char* caller, Address* out, socklen_t* size) {
  static constexpr const char kShape[] = "AF_PACKET address must be a tuple of two to five elements";
  if (failed(need_tuple(ts, o, caller, "AF_PACKET")) || failed(need_items(ts, o, 2, 5, kShape))) return Status::kError;
  int64_t protocol;
  int overflow, type = 0, hardware = 0, index;
  if (failed(as_number(ts, tuple_peek(o, 1), &protocol, &overflow))) return Status::kError;
  if (tuple_size(o) > 2 && failed(as_c_int(ts, tuple_peek(o, 2), &type))) return Status::kError;
  if (tuple_size(o) > 3 && failed(as_c_int(ts, tuple_peek(o, 3), &hardware))) return Status::kError;
  BufferArg physical;
  if (tuple_size(o) > 4) {
    if (PyObject_GetBuffer(tuple_peek(o, 4), &physical.view, PyBUF_SIMPLE) < 0) return Status::kError;
    if (physical.size() > 8) return raise(ts, PyExc_ValueError, "Hardware address must be 8 bytes or less");
  }
  if (failed(interface_index(ts, s, tuple_peek(o, 0), &index))) return Status::kError;
  if (protocol < 0 || protocol > 0xffff) return raise(ts, PyExc_OverflowError, "%s(): proto must be 0-65535.", caller);
  out->packet.sll_family = AF_PACKET;
  out->packet.sll_protocol = htons(static_cast<uint16_t>(protocol));
  out->packet.sll_ifindex = index;
  out->packet.sll_pkttype = static_cast<unsigned char>(type);
  out->packet.sll_hatype = static_cast<unsigned short>(hardware);
  out->packet.sll_halen = static_cast<unsigned char>(physical.size());
  if (physical.size() > 0) std::memcpy(out->packet.sll_addr, physical.data(), static_cast<size_t>(physical.size()));
  *size = sizeof out->packet;
  return Status::kOk;
}
Status from_can(ThreadState& ts, SocketObject* s, PyObject* o, const char* caller, Address* out, socklen_t* size) {
  int index;
  if (failed(need_tuple(ts, o, caller, "AF_CAN"))) return Status::kError;
  out->can.can_family = AF_CAN;
  *size = sizeof out->can;
  switch (s->protocol) {
    case CAN_ISOTP: {
      uint32_t rx, tx;
      if (failed(need_items(ts, o, 3, 3, "AF_CAN address must be a tuple (interface, rx_id, tx_id)")) ||
          failed(interface_index(ts, s, tuple_peek(o, 0), &index)) || failed(as_u32(ts, tuple_peek(o, 1), &rx)) ||
          failed(as_u32(ts, tuple_peek(o, 2), &tx))) {
        return Status::kError;
      }
      out->can.can_ifindex = index;
      out->can.can_addr.tp.rx_id = rx;
      out->can.can_addr.tp.tx_id = tx;
      return Status::kOk;
    }
    case CAN_J1939: {
      uint32_t pgn, address;
      if (failed(need_items(ts, o, 4, 4, "AF_CAN address must be a tuple (interface, name, pgn, addr)")) ||
          failed(interface_index(ts, s, tuple_peek(o, 0), &index))) {
        return Status::kError;
      }
      Ref<> name = number_index(ts, tuple_peek(o, 1));
      if (!name || failed(as_u32(ts, tuple_peek(o, 2), &pgn)) || failed(as_u32(ts, tuple_peek(o, 3), &address))) return Status::kError;
      out->can.can_ifindex = index;
      out->can.can_addr.j1939.name = PyLong_AsUnsignedLongLongMask(name.get());
      out->can.can_addr.j1939.pgn = pgn;
      out->can.can_addr.j1939.addr = static_cast<uint8_t>(address);
      return Status::kOk;
    }
    case CAN_RAW:
    case CAN_BCM:
      // The interface may stand alone; 3.11 takes what follows it for granted.
      if (failed(need_items(ts, o, 1, PY_SSIZE_T_MAX, "AF_CAN address must be a tuple (interface, )")) ||
          failed(interface_index(ts, s, tuple_peek(o, 0), &index))) {
        return Status::kError;
      }
      out->can.can_ifindex = index;
      return Status::kOk;
    default:
      return raise(ts, PyExc_OSError, "%s(): unsupported CAN protocol", caller);
  }
}
Status from_vsock(ThreadState& ts, PyObject* o, Address* out, socklen_t* size) {
  uint32_t cid, port;
  if (failed(need_tuple(ts, o, "getsockaddrarg", "AF_VSOCK"))) {
    error_clear(ts);
    return raise(ts, PyExc_TypeError, "getsockaddrarg: AF_VSOCK address must be tuple, not %.500s", o->ob_type->tp_name);
  }
  if (failed(need_items(ts, o, 2, 2, "getsockaddrarg: AF_VSOCK address must be a pair (cid, port)")) || failed(as_u32(ts, tuple_peek(o, 0), &cid)) ||
      failed(as_u32(ts, tuple_peek(o, 1), &port))) {
    return Status::kError;
  }
  out->vm.svm_family = AF_VSOCK;
  out->vm.svm_port = port;
  out->vm.svm_cid = cid;
  *size = sizeof out->vm;
  return Status::kOk;
}
Status from_tipc(ThreadState& ts, PyObject* o, const char* caller, Address* out, socklen_t* size) {
  if (failed(need_tuple(ts, o, caller, "AF_TIPC")) ||
      failed(need_items(ts, o, 4, 5, "AF_TIPC address must be a tuple (addr_type, v1, v2, v3[, scope])"))) {
    return Status::kError;
  }
  uint32_t type, v1, v2, v3, scope = TIPC_CLUSTER_SCOPE;
  if (failed(as_u32(ts, tuple_peek(o, 0), &type)) || failed(as_u32(ts, tuple_peek(o, 1), &v1)) || failed(as_u32(ts, tuple_peek(o, 2), &v2)) ||
      failed(as_u32(ts, tuple_peek(o, 3), &v3)) || (tuple_size(o) > 4 && failed(as_u32(ts, tuple_peek(o, 4), &scope)))) {
    return Status::kError;
  }
  out->tipc.family = AF_TIPC;
  out->tipc.addrtype = static_cast<unsigned char>(type);
  out->tipc.scope = static_cast<signed char>(scope);
  switch (type) {
    case TIPC_ADDR_NAMESEQ:
      out->tipc.addr.nameseq = {v1, v2, v3};
      break;
    case TIPC_ADDR_NAME:
      out->tipc.addr.name.name.type = v1;
      out->tipc.addr.name.name.instance = v2;
      out->tipc.addr.name.domain = 0;
      break;
    case TIPC_ADDR_ID:
      out->tipc.addr.id.node = v1;
      out->tipc.addr.id.ref = v2;
      break;
    default:
      return raise(ts, PyExc_TypeError, "Invalid address type");
  }
  *size = sizeof out->tipc;
  return Status::kOk;
}
Status from_alg(ThreadState& ts, PyObject* o, const char* caller, Address* out, socklen_t* size) {
  if (failed(need_tuple(ts, o, caller, "AF_ALG")) ||
      failed(need_items(ts, o, 2, 4, "AF_ALG address must be a tuple (type, name[, feat[, mask]])"))) {
    return Status::kError;
  }
  out->alg.salg_family = AF_ALG;
  struct {
    unsigned char* to;
    size_t room;
    const char* what;
  } texts[2] = {{out->alg.salg_type, sizeof out->alg.salg_type, "AF_ALG type too long."}, {out->alg.salg_name, sizeof out->alg.salg_name, "AF_ALG name too long."}};
  for (int i = 0; i < 2; ++i) {
    const char* text = PyUnicode_AsUTF8(tuple_peek(o, i));
    if (text == nullptr) return Status::kError;
    if (std::strlen(text) >= texts[i].room) return raise(ts, PyExc_ValueError, "%s", texts[i].what);
    std::memcpy(texts[i].to, text, std::strlen(text) + 1);
  }
  uint32_t feat = 0, mask = 0;
  if ((tuple_size(o) > 2 && failed(as_u32(ts, tuple_peek(o, 2), &feat))) || (tuple_size(o) > 3 && failed(as_u32(ts, tuple_peek(o, 3), &mask)))) {
    return Status::kError;
  }
  out->alg.salg_feat = feat;
  out->alg.salg_mask = mask;
  *size = sizeof out->alg;
  return Status::kOk;
}
Status from_qrtr(ThreadState& ts, PyObject* o, const char* caller, Address* out, socklen_t* size) {
  uint32_t node, port;
  if (failed(need_tuple(ts, o, caller, "AF_QIPCRTR")) || failed(need_items(ts, o, 2, 2, "AF_QIPCRTR address must be a pair (node, port)")) ||
      failed(as_u32(ts, tuple_peek(o, 0), &node)) || failed(as_u32(ts, tuple_peek(o, 1), &port))) {
    return Status::kError;
  }
  out->qrtr.sq_family = AF_QIPCRTR;
  out->qrtr.sq_node = node;
  out->qrtr.sq_port = port;
  *size = sizeof out->qrtr;
  return Status::kOk;
}
Status from_bluetooth(ThreadState& ts, SocketObject* s, PyObject* o, const char* caller, Address* out, socklen_t* size) {
  auto bad_format = [&] { return Status(raise(ts, PyExc_OSError, "%s(): wrong format", caller)); };
  if (s->protocol == kSco) {
    if (!PyBytes_Check(o)) return raise(ts, PyExc_OSError, "%s(): wrong format", caller);
    out->sco.family = AF_BLUETOOTH;
    if (!parse_bluetooth(PyBytes_AS_STRING(o), out->sco.address)) return raise(ts, PyExc_OSError, "bad bluetooth address");
    *size = sizeof out->sco;
    return Status::kOk;
  }
  if (s->protocol == kHci) {
    int device;
    if (!is_tuple(o) || tuple_size(o) != 1) return bad_format();
    if (failed(as_c_int(ts, tuple_peek(o, 0), &device))) return Status::kError;
    out->hci.family = AF_BLUETOOTH;
    out->hci.device = static_cast<unsigned short>(device);
    *size = sizeof out->hci;
    return Status::kOk;
  }
  if (s->protocol != kL2cap && s->protocol != kRfcomm) return raise(ts, PyExc_OSError, "%s(): unknown Bluetooth protocol", caller);
  if (!is_tuple(o) || tuple_size(o) != 2 || !is_str(tuple_peek(o, 0))) return bad_format();
  int number;
  const char* text = PyUnicode_AsUTF8(tuple_peek(o, 0));
  if (text == nullptr || failed(as_c_int(ts, tuple_peek(o, 1), &number))) return Status::kError;
  uint8_t* address = s->protocol == kL2cap ? out->l2cap.address : out->rfcomm.address;
  if (!parse_bluetooth(text, address)) return raise(ts, PyExc_OSError, "bad bluetooth address");
  out->any.sa_family = AF_BLUETOOTH;
  if (s->protocol == kL2cap) {
    out->l2cap.psm = htole16(static_cast<uint16_t>(number));
    *size = sizeof out->l2cap;
  } else {
    out->rfcomm.channel = static_cast<uint8_t>(number);
    *size = sizeof out->rfcomm;
  }
  return Status::kOk;
}

Ref<> can_to_python(const Address& a, int protocol) {
  char name[IF_NAMESIZE];
  interface_name(a.can.can_ifindex, name);
  Ref<> text = Ref<>::steal(PyUnicode_DecodeFSDefault(name));
  if (!text) return {};
  switch (protocol) {
    case CAN_ISOTP:
      return Ref<>::steal(Py_BuildValue("(Okk)", text.get(), static_cast<unsigned long>(a.can.can_addr.tp.rx_id),
                                        static_cast<unsigned long>(a.can.can_addr.tp.tx_id)));
    case CAN_J1939:
      return Ref<>::steal(Py_BuildValue("(OKkk)", text.get(), static_cast<unsigned long long>(a.can.can_addr.j1939.name),
                                        static_cast<unsigned long>(a.can.can_addr.j1939.pgn), static_cast<unsigned long>(a.can.can_addr.j1939.addr)));
    default:
      return Ref<>::steal(Py_BuildValue("(O)", text.get()));
  }
}
Ref<> bluetooth_to_python(ThreadState& ts, const Address& a, int protocol) {
  switch (protocol) {
    case kL2cap: {
      Ref<> text = bluetooth_text(ts, a.l2cap.address);
      return text ? Ref<>::steal(Py_BuildValue("(Oi)", text.get(), le16toh(a.l2cap.psm))) : Ref<>();
    }
    case kRfcomm: {
      Ref<> text = bluetooth_text(ts, a.rfcomm.address);
      return text ? Ref<>::steal(Py_BuildValue("(Oi)", text.get(), a.rfcomm.channel)) : Ref<>();
    }
    case kHci:
      return Ref<>::steal(Py_BuildValue("(i)", a.hci.device));
    case kSco:
      return bluetooth_text(ts, a.sco.address);
    default:
      return raise(ts, PyExc_ValueError, "Unknown Bluetooth protocol");
  }
}

}  // namespace

Ref<> ip_text(ThreadState& ts, const sockaddr* a) {
  char text[INET6_ADDRSTRLEN];
  const void* from = a->sa_family == AF_INET6 ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(a)->sin6_addr)
                                              : static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(a)->sin_addr);
  if (inet_ntop(a->sa_family, from, text, sizeof text) == nullptr) return posix::call_error(ts);
  return str_from_ascii(ts, text);
}

Ref<> address_to_python(ThreadState& ts, const Address& a, socklen_t size, int protocol) {
  if (size == 0) return new_none();  // a connected socket's peer is not told
  switch (a.any.sa_family) {
    case AF_INET: {
      Ref<> host = ip_text(ts, &a.any);
      return host ? Ref<>::steal(Py_BuildValue("(Oi)", host.get(), ntohs(a.in.sin_port))) : Ref<>();
    }
    case AF_INET6: {
      Ref<> host = ip_text(ts, &a.any);
      if (!host) return {};
      return Ref<>::steal(Py_BuildValue("(OiII)", host.get(), ntohs(a.in6.sin6_port), ntohl(a.in6.sin6_flowinfo), a.in6.sin6_scope_id));
    }
    case AF_UNIX: {
      size_t room = size > offsetof(sockaddr_un, sun_path) ? size - offsetof(sockaddr_un, sun_path) : 0;
      if (room > 0 && a.un.sun_path[0] == 0) return bytes_from(ts, {a.un.sun_path, room});
      return Ref<>::steal(PyUnicode_DecodeFSDefaultAndSize(a.un.sun_path, static_cast<Py_ssize_t>(strnlen(a.un.sun_path, room))));
    }
    case AF_NETLINK:
      return Ref<>::steal(Py_BuildValue("(II)", a.netlink.nl_pid, a.netlink.nl_groups));
    case AF_PACKET: {
      char name[IF_NAMESIZE];
      interface_name(a.packet.sll_ifindex, name);
      Ref<> text = Ref<>::steal(PyUnicode_DecodeFSDefault(name));
      Ref<> physical = bytes_from(ts, {reinterpret_cast<const char*>(a.packet.sll_addr), size_t{a.packet.sll_halen}});
      if (!text || !physical) return {};
      return Ref<>::steal(Py_BuildValue("(OiiiO)", text.get(), ntohs(a.packet.sll_protocol), int{a.packet.sll_pkttype}, int{a.packet.sll_hatype}, physical.get()));
    }
    case AF_CAN:
      return can_to_python(a, protocol);
    case AF_VSOCK:
      return Ref<>::steal(Py_BuildValue("(II)", a.vm.svm_cid, a.vm.svm_port));
    case AF_TIPC:
      switch (a.tipc.addrtype) {
        case TIPC_ADDR_NAMESEQ:
          return Ref<>::steal(Py_BuildValue("(IIIII)", unsigned{a.tipc.addrtype}, a.tipc.addr.nameseq.type, a.tipc.addr.nameseq.lower,
                                            a.tipc.addr.nameseq.upper, static_cast<unsigned>(a.tipc.scope)));
        case TIPC_ADDR_NAME:
          return Ref<>::steal(Py_BuildValue("(IIIII)", unsigned{a.tipc.addrtype}, a.tipc.addr.name.name.type, a.tipc.addr.name.name.instance,
                                            a.tipc.addr.name.name.instance, static_cast<unsigned>(a.tipc.scope)));
        case TIPC_ADDR_ID:
          return Ref<>::steal(Py_BuildValue("(IIIII)", unsigned{a.tipc.addrtype}, a.tipc.addr.id.node, a.tipc.addr.id.ref, 0u, static_cast<unsigned>(a.tipc.scope)));
        default:
          return raise(ts, PyExc_ValueError, "Invalid address type");
      }
    case AF_ALG: {
      auto text = [](const unsigned char* s, size_t room) {
        auto* c = reinterpret_cast<const char*>(s);
        return Ref<>::steal(PyUnicode_DecodeUTF8(c, static_cast<Py_ssize_t>(strnlen(c, room)), nullptr));
      };
      Ref<> type = text(a.alg.salg_type, sizeof a.alg.salg_type);
      Ref<> name = type ? text(a.alg.salg_name, sizeof a.alg.salg_name) : Ref<>();
      return name ? Ref<>::steal(Py_BuildValue("(OOII)", type.get(), name.get(), a.alg.salg_feat, a.alg.salg_mask)) : Ref<>();
    }
    case AF_QIPCRTR:
      return Ref<>::steal(Py_BuildValue("(II)", a.qrtr.sq_node, a.qrtr.sq_port));
    case AF_BLUETOOTH:
      return bluetooth_to_python(ts, a, protocol);
    default: {
      Ref<> data = bytes_from(ts, {a.any.sa_data, sizeof a.any.sa_data});
      return data ? Ref<>::steal(Py_BuildValue("(iO)", int{a.any.sa_family}, data.get())) : Ref<>();
    }
  }
}

Status address_from_python(ThreadState& ts, SocketObject* s, PyObject* o, const char* caller, Address* out, socklen_t* size) {
  std::memset(out, 0, sizeof *out);
  switch (s->family) {
    case AF_UNIX:
      return from_unix(ts, o, out, size);
    case AF_INET:
    case AF_RDS:
      return from_inet(ts, *state_of_type(s->ob_base.ob_type), o, caller, out, size);
    case AF_INET6:
      return from_inet6(ts, *state_of_type(s->ob_base.ob_type), o, caller, out, size);
    case AF_NETLINK:
      return from_netlink(ts, o, caller, out, size);
    case AF_PACKET:
      return from_packet(ts, s, o, caller, out, size);
    case AF_CAN:
      return from_can(ts, s, o, caller, out, size);
    case AF_VSOCK:
      return from_vsock(ts, o, out, size);
    case AF_TIPC:
      return from_tipc(ts, o, caller, out, size);
    case AF_ALG:
      return from_alg(ts, o, caller, out, size);
    case AF_QIPCRTR:
      return from_qrtr(ts, o, caller, out, size);
    case AF_BLUETOOTH:
      return from_bluetooth(ts, s, o, caller, out, size);
    default:
      return raise(ts, PyExc_OSError, "%s(): bad family", caller);
  }
}

}  // namespace atl::socket
