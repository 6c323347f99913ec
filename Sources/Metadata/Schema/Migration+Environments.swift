extension Migration {
  static let environments = Migration(
    number: 5, name: "environments",
    script: """
      """)
}
