/// Reads the contents of listed files, for one worker.
struct ContentReader: ~Copyable {
  private let folder: ProjectFolder
  private let handles: GitHandles

  init(_ folder: ProjectFolder, _ handles: GitHandles = GitHandles()) {
    self.folder = folder
    self.handles = handles
  }

  /// Gives the bytes of each file, or why there are none, to `body`, in order.
  func read(
    _ entries: ArraySlice<SourceEntry>,
    _ body: (SourceEntry, UnsafeBufferPointer<UInt8>?, SkipReason?) throws(IndexError) -> Void
  ) throws(IndexError) {
    switch folder {
    case .repository(let gitFolder, let prefix):
      try handles.with(gitFolder) { repository throws(IndexError) in
        let root = repository.workFolder.map { $0 + prefix }
        for entry in entries {
          if entry.isInFolder, let root {
            try readFile(entry, root, body)
          } else {
            try repository.withBlob(entry.id) { bytes, skip throws(IndexError) in try body(entry, bytes, skip) }
          }
        }
      }
    case .command(let path, _):
      let committed = entries.filter { !$0.isInFolder }
      var blobs = try GitCommand(folder: path).blobs(committed.map(\.id)).makeIterator()
      for entry in entries {
        if entry.isInFolder {
          try readFile(entry, path, body)
        } else if let blob = blobs.next() {
          try give(blob.bytes, entry, blob.skip, body)
        }
      }
    case .plain(let root):
      for entry in entries { try readFile(entry, root, body) }
    }
  }

  private func readFile(
    _ entry: SourceEntry, _ root: String,
    _ body: (SourceEntry, UnsafeBufferPointer<UInt8>?, SkipReason?) throws(IndexError) -> Void
  ) throws(IndexError) {
    let bytes = FolderTree.contents("\(root)/\(entry.path)", max: FileRules.bytesMax)
    // Written to since it was listed: what is read now is not what the id names.
    let isSame = bytes?.withUnsafeBufferPointer { GitRepository.blobID(of: $0) } == entry.id
    try give(isSame ? bytes : nil, entry, .unreadable, body)
  }

  private func give(
    _ bytes: [UInt8]?, _ entry: SourceEntry, _ skip: SkipReason?,
    _ body: (SourceEntry, UnsafeBufferPointer<UInt8>?, SkipReason?) throws(IndexError) -> Void
  ) throws(IndexError) {
    guard let bytes else { return try body(entry, nil, skip) }
    try bytes.withUnsafeBufferPointer { bytes throws(IndexError) in try body(entry, bytes, nil) }
  }
}
