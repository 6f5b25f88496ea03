/* Path syntax of the operating system. */
#ifndef ATOLL_OSDEFS_H
#define ATOLL_OSDEFS_H

#define MAXPATHLEN 4096
#define SEP L'/'
#define DELIM L':'

#endif /* ATOLL_OSDEFS_H */
