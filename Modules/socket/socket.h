// _socket: what its files share.
#pragma once

#include <arpa/inet.h>
#include <linux/can.h>
#include <linux/if_alg.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/qrtr.h>
#include <linux/tipc.h>
#include <linux/vm_sockets.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "Modules/module_tools.h"
#include "Modules/posix/posix.h"
#include "Modules/timeouts.h"
#include "Objects/list.h"

namespace atl::socket {

struct State {
  PyTypeObject* socket_type;
  PyObject* gaierror;
  PyObject* herror;
  int64_t default_timeout;  // ns; -1: none
};
State* state_of_module(PyObject* m);
// Of a socket (of a subclass, too).
State* state_of_type(PyTypeObject* type);

// _ssl reads the fields: 3.11's layout.
struct SocketObject {
  PyObject ob_base;
  int fd;  // -1: closed
  int family;
  int type;
  int protocol;
  PyObject* (*error_handler)();
  int64_t timeout;  // ns; -1: blocking, 0: non-blocking
};
static_assert(offsetof(SocketObject, fd) == 16 && offsetof(SocketObject, timeout) == 40 && sizeof(SocketObject) == 48);
inline SocketObject* as_socket(PyObject* o) { return reinterpret_cast<SocketObject*>(o); }

// The kernel's addresses of Bluetooth sockets, whose header is in no package we need otherwise.
struct BluetoothL2cap {
  unsigned short family, psm;
  uint8_t address[6];
  unsigned short cid;
  uint8_t address_type;
};
struct BluetoothRfcomm {
  unsigned short family;
  uint8_t address[6];
  uint8_t channel;
};
struct BluetoothSco {
  unsigned short family;
  uint8_t address[6];
};
struct BluetoothHci {
  unsigned short family, device, channel;
};
enum BluetoothProtocol { kL2cap = 0, kHci = 1, kSco = 2, kRfcomm = 3 };

union Address {
  sockaddr any;
  sockaddr_in in;
  sockaddr_in6 in6;
  sockaddr_un un;
  sockaddr_nl netlink;
  sockaddr_ll packet;
  sockaddr_can can;
  sockaddr_vm vm;
  sockaddr_tipc tipc;
  sockaddr_alg alg;
  sockaddr_qrtr qrtr;
  BluetoothL2cap l2cap;
  BluetoothRfcomm rfcomm;
  BluetoothSco sco;
  BluetoothHci hci;
  sockaddr_storage storage;
};

// An address as Python has it; None for a length of 0.
Ref<> address_to_python(ThreadState& ts, const Address& a, socklen_t size, int protocol);
// The other way; `caller` begins messages. May look names up.
Status address_from_python(ThreadState& ts, SocketObject* s, PyObject* o, const char* caller, Address* out, socklen_t* size);
// The address of a host, by name or number; family AF_UNSPEC takes either of the two.
Status resolve_host(ThreadState& ts, State& state, const char* name, int family, Address* out, socklen_t* size);
Ref<> ip_text(ThreadState& ts, const sockaddr* a);
Raised raise_gaierror(ThreadState& ts, State& state, int error);
// A host name in the encoding for look-ups: str through IDNA, bytes and bytearray as they are. Empty with TypeError for others;
// `caller` and `argument` say where it stands.
Ref<> encode_host(ThreadState& ts, PyObject* o, const char* caller, int argument);

Status parse_timeout(ThreadState& ts, PyObject* o, int64_t* out);
Status set_nonblocking(ThreadState& ts, SocketObject* s, bool on);
Ref<> timeout_number(ThreadState& ts, int64_t ns);
PyTypeObject* make_socket_type(PyObject* m);
Ref<> new_socket_pair(ThreadState& ts, PyObject* m, int family, int type, int protocol);
int add_constants(PyObject* m);
extern const MethodSpec kNameFunctions[];

}  // namespace atl::socket
