// libnl can turn names into addresses and protocols, which nothing here asks it for. In a static
// binary that ability costs the C library's resolver, and the linker warns that shared libraries
// would be needed at run time. These are what libnl is linked with instead: there is nothing to
// look up, and nobody who does (netdb.h; RFC 3493, section 6.1).

#include <netdb.h>

extern "C" {

int getaddrinfo(const char* /*node*/, const char* /*service*/, const addrinfo* /*hints*/,
                addrinfo** /*result*/) {
  return EAI_FAIL;
}

void freeaddrinfo(addrinfo* /*list*/) {}

protoent* getprotobyname(const char* /*name*/) {
  return nullptr;
}

protoent* getprotobynumber(int /*number*/) {
  return nullptr;
}
}
