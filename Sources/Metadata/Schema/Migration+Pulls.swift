extension Migration {
  static let pulls = Migration(
    number: 7, name: "pulls",
    script: """
      """)
}
