/** Threat models as other tools ship them, in the shared data: file, format, and a component that has to come over. */
export const THREAT_MODEL_SAMPLES = [
  ["threagile/threagile.yaml", "threagile", "some-component"],
  ["threagile-sample/threagile.yaml", "threagile", "innovera-database-server"],
  ["openthreatmodel/EXAMPLE.yaml", "otm", "customer-database"],
  ["openthreatmodel/EXAMPLE.json", "otm", "customer-database"],
  ["startleft/cft_example.yaml", "otm", "service"],
  ["startleft/tf_example.yaml", "otm", "alb"],
  ["startleft/minimal_content.yaml", "otm", "model"],
  ["startleft/manual_threat_model.yaml", "otm", "web-server"],
  ["threat-dragon/demo-threat-model.json", "threat-dragon", "worker-config"],
  ["threat-dragon/three-tier-web-app.json", "threat-dragon", "web-service"],
  ["threat-dragon/generic-cms.json", "threat-dragon", "cdn-network"],
  ["threat-dragon/iot-device.json", "threat-dragon", "browser"],
] as const;
