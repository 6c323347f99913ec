import Metadata
import OCI

extension Administration {
  /// Lets those go on who may see what retention and the end of history would do in a namespace: its maintainers, and site auditors.
  public func checkLifecycle(of namespace: String, by caller: Caller) async throws {
    try await requireToSee(.maintainer, in: namespace, caller)
  }
}
