/** The official CycloneDX schemas, from the package in which the standard's authors ship them: nothing is fetched. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { cycloneDxCheck, type CycloneDxCheck, type CycloneDxSchemas } from "#formats/cyclonedx.ts";

const REFERRED = ["spdx", "jsf-0.82", "cryptography-defs"] as const;

export interface CycloneDx {
  readonly check: CycloneDxCheck;
  /** Licence ids of the SPDX list that the schemas allow. */
  readonly licences: ReadonlySet<string>;
}

let read: Promise<CycloneDx> | undefined;

/** Reads the schemas, once; a document is checked against the one of its version. */
export const cycloneDx = (): Promise<CycloneDx> => (read ??= readSchemas());

async function readSchemas(): Promise<CycloneDx> {
  const place = createRequire(import.meta.url).resolve("@cyclonedx/cyclonedx-library/package.json");
  const schema = async (name: string): Promise<Record<string, unknown>> =>
    JSON.parse(await readFile(join(dirname(place), "res", "schema", `${name}.SNAPSHOT.schema.json`), "utf8")) as Record<
      string,
      unknown
    >;
  const referred = await Promise.all(
    REFERRED.map(
      async (name) => [`http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`, await schema(name)] as const,
    ),
  );
  const schemas: CycloneDxSchemas = {
    bom: { "1.6": await schema("bom-1.6"), "1.7": await schema("bom-1.7") },
    referred: Object.fromEntries(referred),
  };
  const [[, spdx]] = referred as unknown as [[string, { enum: readonly string[] }]];
  return { check: cycloneDxCheck(schemas), licences: new Set(spdx.enum) };
}
