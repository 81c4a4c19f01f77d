/// The optimizers' prompt templates, built into the program so that it stays one file wherever it is copied.
public enum EmbeddedPrompts {
  /// Template texts by name; a name is its file's, without `.txt`.
  public static var templates: [String: String] {
    [
      "alphaopt-system": text(PackageResources.alphaopt_system_txt),
      "alphaopt-learn": text(PackageResources.alphaopt_learn_txt),
      "alphaopt-apply": text(PackageResources.alphaopt_apply_txt),
      "evoprompt-system": text(PackageResources.evoprompt_system_txt),
      "evoprompt-vary": text(PackageResources.evoprompt_vary_txt),
      "evoprompt-ga": text(PackageResources.evoprompt_ga_txt),
      "evoprompt-de": text(PackageResources.evoprompt_de_txt),
      "forest-system": text(PackageResources.forest_system_txt),
      "forest-seed": text(PackageResources.forest_seed_txt),
      "forest-scatter": text(PackageResources.forest_scatter_txt),
      "forest-expand": text(PackageResources.forest_expand_txt),
      "gepa-system": text(PackageResources.gepa_system_txt),
      "gepa-user": text(PackageResources.gepa_user_txt),
      "mipro-system": text(PackageResources.mipro_system_txt),
      "mipro-observe": text(PackageResources.mipro_observe_txt),
      "mipro-propose": text(PackageResources.mipro_propose_txt),
      "mipro-repair": text(PackageResources.mipro_repair_txt),
      "mipro-tips": text(PackageResources.mipro_tips_txt),
      "opro-system": text(PackageResources.opro_system_txt),
      "opro-user": text(PackageResources.opro_user_txt),
      "llambo-system": text(PackageResources.llambo_system_txt),
      "llambo-start": text(PackageResources.llambo_start_txt),
      "llambo-candidates": text(PackageResources.llambo_candidates_txt),
      "llambo-predict": text(PackageResources.llambo_predict_txt),
      "llambo-classify": text(PackageResources.llambo_classify_txt),
      "llambo-repair": text(PackageResources.llambo_repair_txt),
      "optoprime-system": text(PackageResources.optoprime_system_txt),
      "optoprime-user": text(PackageResources.optoprime_user_txt),
      "optoprime-repair": text(PackageResources.optoprime_repair_txt),
      "textgrad-system": text(PackageResources.textgrad_system_txt),
      "textgrad-backward": text(PackageResources.textgrad_backward_txt),
      "textgrad-update": text(PackageResources.textgrad_update_txt),
    ]
  }

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
