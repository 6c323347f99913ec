/// Who is measured.
enum Subject: Sendable, CaseIterable {
  case dockerRegistry
  case nginx
  case berth

  var name: String {
    switch self {
    case .dockerRegistry: "docker-registry"
    case .nginx: "nginx"
    case .berth: "berth"
    }
  }
}
