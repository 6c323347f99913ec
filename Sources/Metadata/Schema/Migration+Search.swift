extension Migration {
  static let search = Migration(
    number: 6, name: "search",
    script: """
      """)
}
