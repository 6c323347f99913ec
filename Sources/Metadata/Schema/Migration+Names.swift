extension Migration {
  /// Schema 11: packages are found by what advisories call them, whatever their ecosystem.
  static let names = Migration(
    number: 11, name: "names",
    script: """
      CREATE INDEX package_subject_name ON package_subject (name);
      """)
}
