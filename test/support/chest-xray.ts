/** The reference system "medical imaging diagnosis": a second reader of chest X-rays, its zones, flows and the people around it. */
import type { System } from "#assessment/index.ts";
import { systemOf, type SystemWords } from "./system.ts";

const WORDS: SystemWords = {
  components: {
    console: { kind: "sensor", title: "X-ray modality and console", holds: ["images"] },
    pacs: {
      kind: "database",
      title: "Picture archive",
      holds: ["images"],
      usual: { "import-media": "none", "remote-maintenance": "vendor-vpn", backup: "tape" },
    },
    router: { kind: "network", title: "DICOM router" },
    prep: { kind: "preprocessing", title: "Windowing and resizing" },
    cnn: {
      kind: "model",
      title: "Pneumonia classifier",
      model: {
        origin: { trainedBy: "provider", pretrained: "ImageNet backbone", supplier: "model hub" },
        training: { datasets: ["chest-images"], personalData: true },
        artefact: "model/cnn.onnx",
      },
    },
    threshold: { kind: "preprocessing", title: "Threshold, calibration and OOD check" },
    results: { kind: "interface", title: "Result service" },
    viewer: { kind: "interface", title: "Reading workstation viewer" },
    radiologist: { kind: "human", title: "Radiologist" },
    "gpu-server": { kind: "compute", title: "Inference server" },
    updates: { kind: "external", title: "Vendor update server" },
    training: { kind: "compute", title: "Training environment" },
    "dataset-store": { kind: "database", title: "Dataset store", holds: ["chest-images"] },
    labelling: { kind: "interface", title: "Label tool and annotators" },
    suppliers: { kind: "external", title: "Hospitals and public data" },
    monitoring: { kind: "monitoring", title: "Log and drift monitoring", holds: ["logs"] },
    identity: { kind: "interface", title: "Identity provider and admin plane" },
  },
  flows: [
    "console -> pacs -> router -> prep -> cnn -> threshold -> results -> viewer -> radiologist",
    "radiologist -> monitoring -> updates",
    "training -> updates -> gpu-server -> cnn",
    "suppliers -> dataset-store -> training",
    "labelling -> dataset-store",
    "identity -> pacs",
    "identity -> viewer",
    "identity -> gpu-server",
  ],
  boundaries: {
    hospital: {
      imaging: ["console", "pacs", "router"],
      reading: ["prep", "cnn", "threshold", "results", "viewer", "radiologist", "gpu-server", "monitoring"],
      admin: ["identity"],
    },
    vendor: ["updates", "training", "dataset-store", "labelling"],
  },
  assets: { images: { personal: true }, logs: { personal: true } },
  datasets: { "chest-images": { role: "training", personal: true } },
  actors: {
    internet: "AT-1",
    reader: "AT-2 touches viewer",
    patient: "AT-3",
    supplier: "AT-5 touches suppliers, labelling",
    backbone: "AT-6",
    radiographer: "AT-7 touches console",
    archivist: "AT-7 touches pacs",
    staff: "AT-8 touches labelling, viewer",
    gang: "AT-9",
    competitor: "AT-11",
  },
  rest: {
    name: "Pneumonia second reader",
    purpose: "Marks suspected pneumonia in adult frontal chest X-rays for a radiologist, who decides.",
    excluded: ["children", "screening", "triage without human reading"],
    misuse: ["the radiologist follows the mark without reading the image"],
    environment: "both",
    law: { role: "provider", listing: "annex-I.11", presumptions: [] },
    sector: "medical",
  },
};

/** The system as its author would describe it, without the actors that the method adds. */
export const chestXray = (): System => systemOf(WORDS);
