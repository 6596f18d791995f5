#include "CGit2.h"

#include <stdio.h>
#include <zlib.h>

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

int sb_git2_work_tree_diff(git_diff **diff, git_repository *repository, git_tree *tree, const char *prefix) {
  git_diff_options options = GIT_DIFF_OPTIONS_INIT;
  options.flags = GIT_DIFF_SKIP_BINARY_CHECK | GIT_DIFF_INCLUDE_TYPECHANGE | GIT_DIFF_INCLUDE_UNTRACKED |
                  GIT_DIFF_RECURSE_UNTRACKED_DIRS | GIT_DIFF_DISABLE_PATHSPEC_MATCH;
  options.ignore_submodules = GIT_SUBMODULE_IGNORE_ALL;
  char *paths[] = {(char *)prefix};
  if (*prefix) {
    options.pathspec.strings = paths;
    options.pathspec.count = 1;
  }
  return git_diff_tree_to_workdir_with_index(diff, repository, tree, &options);
}

int sb_git2_is_cut(git_repository *repository, const git_oid *id) {
  enum { READ_MAX = 8 << 20 };
  char hex[GIT_OID_HEXSZ + 1], path[4400];
  git_oid_tostr(hex, sizeof hex, id);
  int length = snprintf(path, sizeof path, "%sobjects/%.2s/%s", git_repository_commondir(repository), hex, hex + 2);
  if (length < 0 || (size_t)length >= sizeof path) return 0;
  FILE *file = fopen(path, "re");
  if (!file) return 0;
  unsigned char input[16384], output[65536];
  z_stream stream = {0};
  int status = inflateInit(&stream);
  while (status == Z_OK && stream.total_out < READ_MAX) {
    if (stream.avail_in == 0) {
      stream.avail_in = (uInt)fread(input, 1, sizeof input, file);
      stream.next_in = input;
      if (stream.avail_in == 0) break;
    }
    stream.next_out = output;
    stream.avail_out = sizeof output;
    status = inflate(&stream, Z_NO_FLUSH);
  }
  int is_cut = status != Z_STREAM_END && stream.total_out < READ_MAX;
  inflateEnd(&stream);
  fclose(file);
  return is_cut;
}
