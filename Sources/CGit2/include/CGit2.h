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

/// What lies in the work tree and not in this tree (NULL: the empty tree), by way of the index, whose times save reading
/// files: also files nobody has added, but no ignored ones and nothing of submodules. Only below `prefix`, unless empty.
/// It is what git would look at; whether a file really differs is for the caller to see.
int sb_git2_work_tree_diff(git_diff **diff, git_repository *repository, git_tree *tree, const char *prefix);

/// Whether the object lies in a file of its own whose compressed stream ends too early: libgit2 1.5 then waits for the
/// rest without end. Looks at the first 8 MB of the object.
int sb_git2_is_cut(git_repository *repository, const git_oid *id);

#endif
