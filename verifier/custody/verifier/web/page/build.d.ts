/** Put in by build.mjs. */
declare const CUSTODY_VERSION: string;
declare const CUSTODY_SOURCES: string;
