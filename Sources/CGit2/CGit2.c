#include "CGit2.h"

int sb_git2_version(void) {
  int major = 0, minor = 0, revision = 0;
  git_libgit2_version(&major, &minor, &revision);
  return major * 10000 + minor * 100 + revision;
}
