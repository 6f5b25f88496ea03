// termios: control of terminals.
#include <sys/ioctl.h>
#include <termios.h>

#include "Modules/module_tools.h"
#include "Modules/posix/posix.h"
#include "Objects/list.h"

namespace atl {

namespace {

using posix::Fileno;
using posix::unlocked;

struct State {
  PyObject* error;
};
State* state_of(PyObject* m) { return static_cast<State*>(PyModule_GetState(m)); }

// termios.error(errno, message)
Raised call_failed(ThreadState& ts, PyObject* m) {
  Ref<> value = Ref<>::steal(Py_BuildValue("(is)", errno, strerror(errno)));
  if (!value) return already_raised();
  return raise_object(ts, state_of(m)->error, value.get());
}
Ref<> done(ThreadState& ts, PyObject* m, int r) { return r < 0 ? Ref<>(call_failed(ts, m)) : new_none(); }

// VMIN and VTIME are numbers where lines are not collected.
bool is_number(const termios& mode, int index) { return !(mode.c_lflag & ICANON) && (index == VMIN || index == VTIME); }

Ref<> f_tcgetattr(ThreadState& ts, PyObject* m, Fileno fd) {
  termios mode;
  if (unlocked([&] { return tcgetattr(fd.fd, &mode); }) < 0) return call_failed(ts, m);
  Ref<> characters = list_new(ts, 0);
  for (int i = 0; characters && i < NCCS; ++i) {
    char c = static_cast<char>(mode.c_cc[i]);
    Ref<> item = is_number(mode, i) ? int_from_i64(ts, mode.c_cc[i]) : bytes_from(ts, {&c, 1});
    if (!item || failed(list_append(ts, characters.get(), std::move(item)))) return {};
  }
  if (!characters) return {};
  return Ref<>::steal(Py_BuildValue("[kkkkkkO]", static_cast<unsigned long>(mode.c_iflag), static_cast<unsigned long>(mode.c_oflag),
                                    static_cast<unsigned long>(mode.c_cflag), static_cast<unsigned long>(mode.c_lflag),
                                    static_cast<unsigned long>(cfgetispeed(&mode)), static_cast<unsigned long>(cfgetospeed(&mode)),
                                    characters.get()));
}

Ref<> f_tcsetattr(ThreadState& ts, PyObject* m, Fileno fd, int when, PyObject* attributes) {
  if (!PyList_Check(attributes) || PyList_GET_SIZE(attributes) != 7) {
    return raise(ts, PyExc_TypeError, "tcsetattr, arg 3: must be 7 element list");
  }
  termios mode;
  if (unlocked([&] { return tcgetattr(fd.fd, &mode); }) < 0) return call_failed(ts, m);
  unsigned long numbers[6];
  for (int i = 0; i < 6; ++i) {
    PyObject* item = PyList_GetItem(attributes, i);  // raises if conversion of an earlier one shortened the list
    if (item == nullptr) return {};
    numbers[i] = static_cast<unsigned long>(PyLong_AsLong(item));
    if (error_set(ts)) return {};
  }
  mode.c_iflag = static_cast<tcflag_t>(numbers[0]);
  mode.c_oflag = static_cast<tcflag_t>(numbers[1]);
  mode.c_cflag = static_cast<tcflag_t>(numbers[2]);
  mode.c_lflag = static_cast<tcflag_t>(numbers[3]);
  PyObject* characters = PyList_GetItem(attributes, 6);
  if (characters == nullptr) return {};
  if (!PyList_Check(characters) || PyList_GET_SIZE(characters) != NCCS) {
    return raise(ts, PyExc_TypeError, "tcsetattr: attributes[6] must be %d element list", NCCS);
  }
  for (int i = 0; i < NCCS; ++i) {
    PyObject* item = PyList_GetItem(characters, i);
    if (item == nullptr) return {};
    if (is_bytes(item) && bytes_size(item) == 1) {
      mode.c_cc[i] = static_cast<cc_t>(bytes_data(item)[0]);
    } else if (is_int(item)) {
      mode.c_cc[i] = static_cast<cc_t>(PyLong_AsLong(item));
      if (error_set(ts)) return {};
    } else {
      return raise(ts, PyExc_TypeError, "tcsetattr: elements of attributes must be characters or integers");
    }
  }
  if (cfsetispeed(&mode, static_cast<speed_t>(numbers[4])) < 0 || cfsetospeed(&mode, static_cast<speed_t>(numbers[5])) < 0) {
    return call_failed(ts, m);
  }
  return done(ts, m, unlocked([&] { return tcsetattr(fd.fd, when, &mode); }));
}
Ref<> f_tcsendbreak(ThreadState& ts, PyObject* m, Fileno fd, int duration) {
  return done(ts, m, unlocked([&] { return tcsendbreak(fd.fd, duration); }));
}
Ref<> f_tcdrain(ThreadState& ts, PyObject* m, Fileno fd) {
  return done(ts, m, unlocked([&] { return tcdrain(fd.fd); }));
}
Ref<> f_tcflush(ThreadState& ts, PyObject* m, Fileno fd, int queue) {
  return done(ts, m, unlocked([&] { return tcflush(fd.fd, queue); }));
}
Ref<> f_tcflow(ThreadState& ts, PyObject* m, Fileno fd, int action) {
  return done(ts, m, unlocked([&] { return tcflow(fd.fd, action); }));
}

Ref<> f_tcgetwinsize(ThreadState& ts, PyObject* m, Fileno fd) {
  winsize size;
  if (unlocked([&] { return ioctl(fd.fd, TIOCGWINSZ, &size); }) < 0) return call_failed(ts, m);
  return Ref<>::steal(Py_BuildValue("(ii)", int{size.ws_row}, int{size.ws_col}));
}
Ref<> f_tcsetwinsize(ThreadState& ts, PyObject* m, Fileno fd, PyObject* pair) {
  if (!PySequence_Check(pair) || PySequence_Size(pair) != 2) {
    if (error_set(ts)) return {};
    return raise(ts, PyExc_TypeError, "tcsetwinsize, arg 2: must be a two-item sequence");
  }
  long numbers[2];
  for (int i = 0; i < 2; ++i) {
    Ref<> item = Ref<>::steal(PySequence_GetItem(pair, i));
    if (!item) return {};
    numbers[i] = PyLong_AsLong(item.get());
    if (error_set(ts)) return {};
  }
  winsize size;
  // The other fields stay as they are.
  if (unlocked([&] { return ioctl(fd.fd, TIOCGWINSZ, &size); }) < 0) return call_failed(ts, m);
  size.ws_row = static_cast<unsigned short>(numbers[0]);
  size.ws_col = static_cast<unsigned short>(numbers[1]);
  if (size.ws_row != numbers[0] || size.ws_col != numbers[1]) {
    return raise(ts, PyExc_OverflowError, "winsize value(s) out of range.");
  }
  return done(ts, m, unlocked([&] { return ioctl(fd.fd, TIOCSWINSZ, &size); }));
}

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(f_tcgetattr, "tcgetattr", "($module, fd, /)",
                 "A terminal's mode: [iflag, oflag, cflag, lflag, ispeed, ospeed, cc].\n\ncc is the list of special characters, each bytes of length 1;"
                 " VMIN and VTIME are numbers\nwhere lines are not collected."),
    ATOLL_METHOD(f_tcsetattr, "tcsetattr", "($module, fd, when, attributes, /)", "Set a terminal's mode, at once or when output or input is done."),
    ATOLL_METHOD(f_tcsendbreak, "tcsendbreak", "($module, fd, duration, /)", "Send a break; a duration of 0 is a quarter to half of a second."),
    ATOLL_METHOD(f_tcdrain, "tcdrain", "($module, fd, /)", "Wait until all output is sent."),
    ATOLL_METHOD(f_tcflush, "tcflush", "($module, fd, queue, /)", "Throw away input not read, output not sent, or both."),
    ATOLL_METHOD(f_tcflow, "tcflow", "($module, fd, action, /)", "Suspend or resume input or output."),
    ATOLL_METHOD(f_tcgetwinsize, "tcgetwinsize", "($module, fd, /)", "A terminal's size: (rows, columns)."),
    ATOLL_METHOD(f_tcsetwinsize, "tcsetwinsize", "($module, fd, winsize, /)", "Set a terminal's size, (rows, columns)."), ATOLL_METHOD_END};

constexpr IntConstant kConstants[] = {
    {"B0", B0},
    {"B1000000", B1000000},
    {"B110", B110},
    {"B115200", B115200},
    {"B1152000", B1152000},
    {"B1200", B1200},
    {"B134", B134},
    {"B150", B150},
    {"B1500000", B1500000},
    {"B1800", B1800},
    {"B19200", B19200},
    {"B200", B200},
    {"B2000000", B2000000},
    {"B230400", B230400},
    {"B2400", B2400},
    {"B2500000", B2500000},
    {"B300", B300},
    {"B3000000", B3000000},
    {"B3500000", B3500000},
    {"B38400", B38400},
    {"B4000000", B4000000},
    {"B460800", B460800},
    {"B4800", B4800},
    {"B50", B50},
    {"B500000", B500000},
    {"B57600", B57600},
    {"B576000", B576000},
    {"B600", B600},
    {"B75", B75},
    {"B921600", B921600},
    {"B9600", B9600},
    {"BRKINT", BRKINT},
    {"BS0", BS0},
    {"BS1", BS1},
    {"BSDLY", BSDLY},
    {"CBAUD", CBAUD},
    {"CBAUDEX", CBAUDEX},
    {"CDSUSP", CDSUSP},
    {"CEOF", CEOF},
    {"CEOL", CEOL},
    {"CEOT", CEOT},
    {"CERASE", CERASE},
    {"CFLUSH", CFLUSH},
    {"CIBAUD", CIBAUD},
    {"CINTR", CINTR},
    {"CKILL", CKILL},
    {"CLNEXT", CLNEXT},
    {"CLOCAL", CLOCAL},
    {"CQUIT", CQUIT},
    {"CR0", CR0},
    {"CR1", CR1},
    {"CR2", CR2},
    {"CR3", CR3},
    {"CRDLY", CRDLY},
    {"CREAD", CREAD},
    {"CRPRNT", CRPRNT},
    {"CRTSCTS", CRTSCTS},
    {"CS5", CS5},
    {"CS6", CS6},
    {"CS7", CS7},
    {"CS8", CS8},
    {"CSIZE", CSIZE},
    {"CSTART", CSTART},
    {"CSTOP", CSTOP},
    {"CSTOPB", CSTOPB},
    {"CSUSP", CSUSP},
    {"CWERASE", CWERASE},
    {"ECHO", ECHO},
    {"ECHOCTL", ECHOCTL},
    {"ECHOE", ECHOE},
    {"ECHOK", ECHOK},
    {"ECHOKE", ECHOKE},
    {"ECHONL", ECHONL},
    {"ECHOPRT", ECHOPRT},
    {"EXTA", EXTA},
    {"EXTB", EXTB},
    {"FF0", FF0},
    {"FF1", FF1},
    {"FFDLY", FFDLY},
    {"FIOASYNC", FIOASYNC},
    {"FIOCLEX", FIOCLEX},
    {"FIONBIO", FIONBIO},
    {"FIONCLEX", FIONCLEX},
    {"FIONREAD", FIONREAD},
    {"FLUSHO", FLUSHO},
    {"HUPCL", HUPCL},
    {"ICANON", ICANON},
    {"ICRNL", ICRNL},
    {"IEXTEN", IEXTEN},
    {"IGNBRK", IGNBRK},
    {"IGNCR", IGNCR},
    {"IGNPAR", IGNPAR},
    {"IMAXBEL", IMAXBEL},
    {"INLCR", INLCR},
    {"INPCK", INPCK},
    {"IOCSIZE_MASK", IOCSIZE_MASK},
    {"IOCSIZE_SHIFT", IOCSIZE_SHIFT},
    {"ISIG", ISIG},
    {"ISTRIP", ISTRIP},
    {"IUCLC", IUCLC},
    {"IXANY", IXANY},
    {"IXOFF", IXOFF},
    {"IXON", IXON},
    {"NCC", NCC},
    {"NCCS", NCCS},
    {"NL0", NL0},
    {"NL1", NL1},
    {"NLDLY", NLDLY},
    {"NOFLSH", NOFLSH},
    {"N_MOUSE", N_MOUSE},
    {"N_PPP", N_PPP},
    {"N_SLIP", N_SLIP},
    {"N_STRIP", N_STRIP},
    {"N_TTY", N_TTY},
    {"OCRNL", OCRNL},
    {"OFDEL", OFDEL},
    {"OFILL", OFILL},
    {"OLCUC", OLCUC},
    {"ONLCR", ONLCR},
    {"ONLRET", ONLRET},
    {"ONOCR", ONOCR},
    {"OPOST", OPOST},
    {"PARENB", PARENB},
    {"PARMRK", PARMRK},
    {"PARODD", PARODD},
    {"PENDIN", PENDIN},
    {"TAB0", TAB0},
    {"TAB1", TAB1},
    {"TAB2", TAB2},
    {"TAB3", TAB3},
    {"TABDLY", TABDLY},
    {"TCFLSH", TCFLSH},
    {"TCGETA", TCGETA},
    {"TCGETS", TCGETS},
    {"TCIFLUSH", TCIFLUSH},
    {"TCIOFF", TCIOFF},
    {"TCIOFLUSH", TCIOFLUSH},
    {"TCION", TCION},
    {"TCOFLUSH", TCOFLUSH},
    {"TCOOFF", TCOOFF},
    {"TCOON", TCOON},
    {"TCSADRAIN", TCSADRAIN},
    {"TCSAFLUSH", TCSAFLUSH},
    {"TCSANOW", TCSANOW},
    {"TCSBRK", TCSBRK},
    {"TCSBRKP", TCSBRKP},
    {"TCSETA", TCSETA},
    {"TCSETAF", TCSETAF},
    {"TCSETAW", TCSETAW},
    {"TCSETS", TCSETS},
    {"TCSETSF", TCSETSF},
    {"TCSETSW", TCSETSW},
    {"TCXONC", TCXONC},
    {"TIOCCONS", TIOCCONS},
    {"TIOCEXCL", TIOCEXCL},
    {"TIOCGETD", TIOCGETD},
    {"TIOCGICOUNT", TIOCGICOUNT},
    {"TIOCGLCKTRMIOS", TIOCGLCKTRMIOS},
    {"TIOCGPGRP", TIOCGPGRP},
    {"TIOCGSERIAL", TIOCGSERIAL},
    {"TIOCGSOFTCAR", TIOCGSOFTCAR},
    {"TIOCGWINSZ", TIOCGWINSZ},
    {"TIOCINQ", TIOCINQ},
    {"TIOCLINUX", TIOCLINUX},
    {"TIOCMBIC", TIOCMBIC},
    {"TIOCMBIS", TIOCMBIS},
    {"TIOCMGET", TIOCMGET},
    {"TIOCMIWAIT", TIOCMIWAIT},
    {"TIOCMSET", TIOCMSET},
    {"TIOCM_CAR", TIOCM_CAR},
    {"TIOCM_CD", TIOCM_CD},
    {"TIOCM_CTS", TIOCM_CTS},
    {"TIOCM_DSR", TIOCM_DSR},
    {"TIOCM_DTR", TIOCM_DTR},
    {"TIOCM_LE", TIOCM_LE},
    {"TIOCM_RI", TIOCM_RI},
    {"TIOCM_RNG", TIOCM_RNG},
    {"TIOCM_RTS", TIOCM_RTS},
    {"TIOCM_SR", TIOCM_SR},
    {"TIOCM_ST", TIOCM_ST},
    {"TIOCNOTTY", TIOCNOTTY},
    {"TIOCNXCL", TIOCNXCL},
    {"TIOCOUTQ", TIOCOUTQ},
    {"TIOCPKT", TIOCPKT},
    {"TIOCPKT_DATA", TIOCPKT_DATA},
    {"TIOCPKT_DOSTOP", TIOCPKT_DOSTOP},
    {"TIOCPKT_FLUSHREAD", TIOCPKT_FLUSHREAD},
    {"TIOCPKT_FLUSHWRITE", TIOCPKT_FLUSHWRITE},
    {"TIOCPKT_NOSTOP", TIOCPKT_NOSTOP},
    {"TIOCPKT_START", TIOCPKT_START},
    {"TIOCPKT_STOP", TIOCPKT_STOP},
    {"TIOCSCTTY", TIOCSCTTY},
    {"TIOCSERCONFIG", TIOCSERCONFIG},
    {"TIOCSERGETLSR", TIOCSERGETLSR},
    {"TIOCSERGETMULTI", TIOCSERGETMULTI},
    {"TIOCSERGSTRUCT", TIOCSERGSTRUCT},
    {"TIOCSERGWILD", TIOCSERGWILD},
    {"TIOCSERSETMULTI", TIOCSERSETMULTI},
    {"TIOCSERSWILD", TIOCSERSWILD},
    {"TIOCSER_TEMT", TIOCSER_TEMT},
    {"TIOCSETD", TIOCSETD},
    {"TIOCSLCKTRMIOS", TIOCSLCKTRMIOS},
    {"TIOCSPGRP", TIOCSPGRP},
    {"TIOCSSERIAL", TIOCSSERIAL},
    {"TIOCSSOFTCAR", TIOCSSOFTCAR},
    {"TIOCSTI", TIOCSTI},
    {"TIOCSWINSZ", TIOCSWINSZ},
    {"TOSTOP", TOSTOP},
    {"VDISCARD", VDISCARD},
    {"VEOF", VEOF},
    {"VEOL", VEOL},
    {"VEOL2", VEOL2},
    {"VERASE", VERASE},
    {"VINTR", VINTR},
    {"VKILL", VKILL},
    {"VLNEXT", VLNEXT},
    {"VMIN", VMIN},
    {"VQUIT", VQUIT},
    {"VREPRINT", VREPRINT},
    {"VSTART", VSTART},
    {"VSTOP", VSTOP},
    {"VSUSP", VSUSP},
    {"VSWTC", VSWTC},
    {"VSWTCH", 7},
    {"VT0", VT0},
    {"VT1", VT1},
    {"VTDLY", VTDLY},
    {"VTIME", VTIME},
    {"VWERASE", VWERASE},
    {"XCASE", XCASE},
    {"XTABS", XTABS},
};
int exec(PyObject* m) {
  PyObject* error = PyErr_NewException("termios.error", nullptr, nullptr);
  state_of(m)->error = error;
  return error == nullptr || PyModule_AddObjectRef(m, "error", error) < 0 ? -1 : add_int_constants(m, kConstants);
}
int traverse(PyObject* m, visitproc visit, void* arg) {
  Py_VISIT(state_of(m)->error);
  return 0;
}
int clear(PyObject* m) {
  clear_field(state_of(m)->error);
  return 0;
}

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE_GC(PyInit_termios, "termios", "POSIX control of terminals. Each function takes a descriptor or an object with fileno().",
                        sizeof(atl::State), atl::kFunctions, atl::exec, atl::traverse, atl::clear, nullptr)
