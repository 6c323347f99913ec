/// Reads what files that are too large to be held say of packages: programs, archives of Java.
///
/// What holds for a ``Cataloguer`` holds for it, and its memory is bounded, however large the file.
protocol StreamCataloguer: Sendable {
  /// Stands in the artefacts it makes: `java`.
  var name: String { get }
  /// Counted on with every change of what it finds, so that layers are read again.
  var revision: Int { get }
  /// Whether it wants the content of a file, of which the first bytes are known.
  func wants(_ file: Candidate) -> Bool
  /// What the file says; nil when there is nothing to say of it. It need not read to the end.
  ///
  /// - Parameter gaps: takes what of it was not read, and why; for people.
  func artefact(
    in path: String, _ content: any ByteSource, gaps: inout [String]
  ) throws(StreamFailure) -> Artefact?
}

/// Why a stream says nothing.
enum StreamFailure: Error {
  /// The file is not as it should be: a notice.
  case file(CatalogueError)
  /// The layer that holds it cannot be read on.
  case layer(LayerError)
}
