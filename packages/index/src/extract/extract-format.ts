/** docs/extract.md says what each data set holds; a change there counts the version up. */
export const EXTRACT_FORMAT = "evb-extract";
export const EXTRACT_VERSION = 2;

/** What stands for a row in its source's `status`. */
export const ROW_STATUS = { there: 0, failed: 1, absent: 2 } as const;
