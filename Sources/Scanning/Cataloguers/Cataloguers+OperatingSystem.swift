extension Cataloguers {
  /// What a distribution says of itself, and its package databases.
  public static let operatingSystem: [any Cataloguer] = [
    OSReleaseCataloguer(), DpkgCataloguer(), ChiselCataloguer(), ApkCataloguer(), RPMCataloguer(),
  ]
}
