extension Cataloguers {
  /// Packages of languages, installed beside the operating system's or by it.
  public static let languages: [any Cataloguer] = [
    PythonCataloguer(), NodeCataloguer(), RubyCataloguer(), PHPCataloguer(), DotNetCataloguer(),
  ]

  /// Those that read a file as it comes, for files that are too large to be held.
  static let streaming: [any StreamCataloguer] = [JavaCataloguer(), ProgramCataloguer()]
}
