/// A server that tests need could not be had, or did not do as told; with everything a reader needs to see why.
public struct LabError: Error, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}
