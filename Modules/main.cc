// The python command.
#include "Python/lifecycle/main.h"

int main(int argc, char** argv) { return atl::program_main(argc, argv); }
