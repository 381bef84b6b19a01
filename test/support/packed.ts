/** One pickle, `{"hello": [1, 2, 3], "text": "hello hello …"}`, as Python's own modules pack it. */
import { fromBase64 } from "#formats/writers.testing.ts";

export const hello = fromBase64(
  "gASV4QAAAAAAAAB9lCiMBWhlbGxvlF2UKEsBSwJLA2WMBHRleHSUjMBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyBoZWxsbyCUdS4=",
);
export const bzip2Hello = fromBase64(
  "QlpoOTFBWSZTWS8WTMIAAG9X5X4AQEEACAACAkSGQkAEBgBAACAAIABUUGgDINGgJJQBo0PUeUaWZUTTLOAHpHGtMO0ARWzpJPCAJEAGlAlxpAndWKp++LuSKcKEgXiyZhA=",
);
export const xzHello = fromBase64(
  "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4ADrADNdAEABDnwMLJWbOjrzS8AlGaeioJPbVEu9jznHfO8x282r/wuUtKoaFkMiI1O6T7tOUdsIAAAANgF9uYaahm8AAU/sAQAAAN8hw2ixxGf7AgAAAAAEWVo=",
);
export const lzmaHello = fromBase64(
  "XQAAgAD//////////wBAAQ58DCyVmzo680vAJRmnoqCT21RLvY85x3zvMdvNq/8LlLSqGhZDIiNTuk+7Tl6wjvb/+80AAA==",
);
export const lz4Hello = fromBase64(
  "BCJNGGhA7AAAAAAAAAB1NQAAAFKABJXhAAEA8Q99lCiMBWhlbGxvlF2UKEsBSwJLA2WMBHRleHSUjMAZAB8gBgClUG8glHUuAAAAAA==",
);
