// libgit2 as Swift sees it.
#ifndef SIGNALBOX_CGIT2_H
#define SIGNALBOX_CGIT2_H

#include <git2.h>

/// Major * 10,000 + minor * 100 + revision of the library that is loaded.
int sb_git2_version(void);

/// Differences of two trees (either may be NULL: the empty tree), renames found among at most `rename_limit` files
/// (0: none looked for).
int sb_git2_tree_diff(git_diff **diff, git_repository *repository, git_tree *before, git_tree *after,
                      size_t rename_limit);

/// Whether the object lies in a file of its own whose compressed stream ends too early: libgit2 1.5 then waits for the
/// rest without end. Looks at the first 8 MB of the object.
int sb_git2_is_cut(git_repository *repository, const git_oid *id);

#endif
