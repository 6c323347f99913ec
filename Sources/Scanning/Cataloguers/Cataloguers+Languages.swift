extension Cataloguers {
  /// Packages of languages, installed beside the operating system's or by it.
  public static let languages: [any Cataloguer] = [PythonCataloguer(), NodeCataloguer()]
}
