/**
 * Languages of the subsets of data sets in several languages, as mteb 1.38.33 writes them into its results.
 *
 * @module
 */

/** Subset and its languages, each with its script. */
const SUBSETS = `
af=afr-Latn am=amh-Ethi ar=ara-Arab ar-ar=ara-Arab arabic=ara-Arab az=aze-Latn bn=ben-Beng cy=cym-Latn
da=dan-Latn de=deu-Latn de-en=deu-Latn+eng-Latn de-fr=deu-Latn+fra-Latn de-pl=deu-Latn+pol-Latn el=ell-Grek
en=eng-Latn en-ar=eng-Latn+ara-Arab en-de=eng-Latn+deu-Latn en-en=eng-Latn en-ext=eng-Latn
en-tr=eng-Latn+tur-Latn english=eng-Latn es=spa-Latn es-en=spa-Latn+eng-Latn es-es=spa-Latn
es-it=spa-Latn+ita-Latn fa=fas-Arab fi=fin-Latn fr=fra-Latn fr-en=fra-Latn+eng-Latn fr-pl=fra-Latn+pol-Latn
french=fra-Latn german=deu-Latn he=heb-Hebr hi=hin-Deva hindi=hin-Deva hu=hun-Latn hy=hye-Armn id=ind-Latn
is=isl-Latn it=ita-Latn it-en=ita-Latn+eng-Latn italian=ita-Latn ja=jpn-Jpan jv=jav-Latn ka=kat-Geor
km=khm-Khmr kn=kan-Knda ko=kor-Kore ko-ko=kor-Hang lv=lav-Latn ml=mal-Mlym mn=mon-Cyrl ms=msa-Latn
my=mya-Mymr nb=nob-Latn nl=nld-Latn nl-en=nld-Latn+eng-Latn pl=pol-Latn pl-en=pol-Latn+eng-Latn
portuguese=por-Latn pt=por-Latn ro=ron-Latn ru=rus-Cyrl sl=slv-Latn spanish=spa-Latn sq=sqi-Latn sv=swe-Latn
sw=swa-Latn ta=tam-Taml te=tel-Telu th=tha-Thai tl=tgl-Latn tr=tur-Latn ur=urd-Arab vi=vie-Latn zh=cmn-Hans
zh-CN=cmo-Hans zh-TW=cmo-Hant zh-en=cmn-Hans+eng-Latn
`;

const LANGUAGES = new Map(
  SUBSETS.trim().split(/\s+/).map((entry) => {
    const [subset, languages] = entry.split("=");
    return [subset!, languages!.split("+")];
  }),
);

/** Languages of a subset, such as ["deu-Latn", "eng-Latn"] of "de-en"; English where a data set has no subsets. */
export function languagesOf(subset: string | undefined): readonly string[] {
  if (subset === undefined) return ["eng-Latn"];
  const found = LANGUAGES.get(subset);
  if (found === undefined) throw new Error(`no languages are known of the subset "${subset}"`);
  return found;
}
