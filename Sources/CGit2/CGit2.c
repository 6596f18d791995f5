#include "CGit2.h"

int sb_git2_version(void) {
  int major = 0, minor = 0, revision = 0;
  git_libgit2_version(&major, &minor, &revision);
  return major * 10000 + minor * 100 + revision;
}

// The initialisers of the option structs are macros, which Swift cannot see.
int sb_git2_tree_diff(git_diff **diff, git_repository *repository, git_tree *before, git_tree *after,
                      size_t rename_limit) {
  git_diff_options options = GIT_DIFF_OPTIONS_INIT;
  options.flags = GIT_DIFF_SKIP_BINARY_CHECK | GIT_DIFF_INCLUDE_TYPECHANGE;
  int status = git_diff_tree_to_tree(diff, repository, before, after, &options);
  if (status < 0 || rename_limit == 0) return status;
  git_diff_find_options find = GIT_DIFF_FIND_OPTIONS_INIT;
  find.flags = GIT_DIFF_FIND_RENAMES | GIT_DIFF_FIND_IGNORE_WHITESPACE;
  find.rename_limit = rename_limit;
  status = git_diff_find_similar(*diff, &find);
  if (status < 0) {
    git_diff_free(*diff);
    *diff = NULL;
  }
  return status;
}
