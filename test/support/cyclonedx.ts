/** The official CycloneDX schemas, compiled once for all tests of a file. */
import { cycloneDx, type CycloneDx } from "#host/schemas.ts";

let loaded: Promise<CycloneDx> | undefined;
export const officialCycloneDx = (): Promise<CycloneDx> => (loaded ??= cycloneDx());
