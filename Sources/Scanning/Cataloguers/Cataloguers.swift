/// The one list of all cataloguers.
public enum Cataloguers {
  public static let all: [any Cataloguer] = operatingSystem + languages

  /// Counted on with every change of what ``LayerReader`` gives them.
  private static let readerRevision = 3

  /// The revision of the whole set: it changes when any of them does.
  public static var revision: Int {
    all.reduce(readerRevision) { $0 + $1.revision } + streaming.reduce(SecretFinder.revision) { $0 + $1.revision }
  }
}
