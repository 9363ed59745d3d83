/** Data that do not hold together are refused with task, file and row. */
import { assert } from "#test";
import { NumericError, UsageError } from "#errors";
import { hashedTrigrams } from "../../fixtures/hashed_trigrams.ts";
import { writeMtebMirror } from "../../fixtures/mteb_mirror.ts";
import { Mirror } from "../../lib/data/mirror.ts";
import { textsOf, vectorsFrom } from "../_all_texts.ts";
import { keyOf } from "../texts.ts";
import { type Loaded, loadTask, type MtebData } from "./load.ts";
import { scoringProfile } from "./profile.ts";
import { mtebTask } from "./tasks.ts";
import { requireUsableVectors } from "./usable_vectors.ts";

/** Reads a task of a made-up data set, which is there until the test is done with it. */
async function withTask(
  name: string,
  use: (loaded: Loaded<MtebData>, folder: string) => Promise<void>,
  prepare: (folder: string) => void = () => {},
): Promise<void> {
  const task = mtebTask(name), root = await Deno.makeTempDir();
  try {
    await writeMtebMirror(root, [task]);
    const folder = "repo" in task ? `${root}/${task.repo}` : root;
    prepare(folder);
    await use(await loadTask(new Mirror(root), task), folder);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function edit(path: string, spoil: (lines: string[]) => readonly string[]): void {
  const lines = Deno.readTextFileSync(path).trimEnd().split("\n");
  Deno.writeTextFileSync(path, spoil(lines).map((line) => line + "\n").join(""));
}

/** The lines with some values of one row changed; undefined removes one. */
const change = (row: number, values: Record<string, unknown>) => (lines: string[]) =>
  lines.map((line, i) => i === row - 1 ? JSON.stringify({ ...JSON.parse(line), ...values }) : line);

/** The lines with some values of every row changed. */
const all = (values: Record<string, unknown>) => (lines: string[]) =>
  lines.map((line) => JSON.stringify({ ...JSON.parse(line), ...values }));

const cases: [
  task: string,
  file: string,
  spoil: (lines: string[]) => readonly string[],
  complaint: RegExp,
][] = [
  ["STS13", "test.jsonl", change(3, { score: undefined }), /line 3: column "score" .* no such column/],
  ["STS13", "test.jsonl", change(3, { score: null }), /line 3: column "score" must be a finite number/],
  ["STS13", "test.jsonl", change(2, { sentence2: 4 }), /line 2: column "sentence2" must be a string/],
  ["STS13", "test.jsonl", () => [], /"mteb\/sts13-sts\/test.jsonl" holds no rows/],
  ["STS13", "test.jsonl", (lines) => [lines[0]!, lines[1]!.slice(0, 20)], /line 2 is not JSON/],
  [
    "STS17",
    "en-en/test.jsonl",
    change(4, { sentence1: [] }),
    /"mteb\/sts17-crosslingual-sts\/en-en\/test.jsonl" line 4/,
  ],
  ["ImdbClassification", "train.jsonl", () => [], /"mteb\/imdb\/train.jsonl" holds no rows/],
  [
    "ImdbClassification",
    "test.jsonl",
    change(2, { label: "1" }),
    /test.jsonl" line 2: the label "1" is a string, .* a number/,
  ],
  ["ImdbClassification", "train.jsonl", change(5, { label: 0.5 }), /line 5: column "label"/],
  ["ImdbClassification", "test.jsonl", change(5, { text: undefined }), /line 5: column "text"/],
  ["SCIDOCS", "corpus.jsonl", change(7, { _id: "d2" }), /corpus.jsonl" line 7 has the id "d2" of line 3/],
  ["SCIDOCS", "queries.jsonl", change(3, { _id: "q1" }), /queries.jsonl" line 3 has the id "q1" of line 2/],
  ["SCIDOCS", "corpus.jsonl", change(7, { _id: null }), /line 7: column "_id"/],
  ["SCIDOCS", "corpus.jsonl", change(7, { title: undefined }), /line 7: column "title"/],
  [
    "SCIDOCS",
    "qrels/test.tsv",
    (lines) => [...lines, "q1\td99\t1"],
    /test.tsv" line 7 judges document "d99", which "mteb\/scidocs\/corpus.jsonl" does not hold/,
  ],
  [
    "SCIDOCS",
    "qrels/test.tsv",
    (lines) => [...lines, "q99\td1\t1"],
    /test.tsv" line 7 judges query "q99", which "mteb\/scidocs\/queries.jsonl" does not hold/,
  ],
  [
    "SCIDOCS",
    "qrels/test.tsv",
    (lines) => [...lines, "q1\td7\t0"],
    /line 7 gives document "d7"/,
  ],
  ["SCIDOCS", "qrels/test.tsv", (lines) => lines.slice(0, 1), /holds no judgements/],
  ["SciDocsRR", "test.jsonl", change(1, { positive: "p" }), /line 1: column "positive"/],
  [
    "RedditClustering",
    "test.jsonl",
    change(2, { labels: ["a"] }),
    /line 2: column "labels" must be a list of 20/,
  ],
  [
    "RedditClustering",
    "test.jsonl",
    change(2, { sentences: [], labels: [] }),
    /line 2: column "sentences" is an empty/,
  ],
  [
    "TwitterURLCorpus",
    "test.jsonl",
    change(1, { labels: undefined }),
    /line 1: column "sentence1" must be a string/,
  ],
  [
    "TwitterSemEval2015",
    "test.jsonl",
    change(1, { sent1: [], sent2: [], labels: [] }),
    /"sent1" is an empty list/,
  ],
  ["TwitterSemEval2015", "test.jsonl", change(1, { sent2: ["a"] }), /line 1: column "sent2"/],
  ["STS13", "test.jsonl", all({ score: 3 }), /test.jsonl" \(rows 1 to \d+\): all scores are 3/],
  ["STS13", "test.jsonl", all({ sentence1: "a", sentence2: "b" }), /\): all pairs are the same/],
  ["STS13", "test.jsonl", (lines) => [...lines, ""], /line \d+ is not JSON/],
  [
    "ImdbClassification",
    "train.jsonl",
    all({ label: 1 }),
    /train.jsonl" .*: all training rows have the label 1/,
  ],
  ["ImdbClassification", "train.jsonl", all({ text: "x" }), /all training rows have the same text/],
  [
    "ImdbClassification",
    "test.jsonl",
    all({ label: 7 }),
    /test.jsonl" .*: no row has a label that a training/,
  ],
  ["ImdbClassification", "test.jsonl", all({ text: "x" }), /test.jsonl" .*: all rows have the same text/],
  ["SCIDOCS", "corpus.jsonl", all({ title: "t", text: "x" }), /corpus.jsonl" .*: all documents are the same/],
  ["SCIDOCS", "queries.jsonl", all({ text: "x" }), /queries.jsonl" .*: all queries are the same/],
  [
    "SCIDOCS",
    "qrels/test.tsv",
    (lines) => lines.map((line, i) => i === 0 ? line : line.replace(/\d+$/, "0")),
    /test.tsv" .*: no document is relevant to any query/,
  ],
  ["SCIDOCS", "qrels/test.tsv", (lines) => lines.slice(1), /line 1 is a judgement and no header/],
  ["SciDocsRR", "test.jsonl", all({ positive: [] }), /: no query has both a relevant and an irrelevant/],
  ["RedditClustering", "test.jsonl", all({ labels: Array(20).fill("a") }), /every set has a single label/],
  [
    "RedditClustering",
    "test.jsonl",
    all({ sentences: Array(20).fill("a") }),
    /all sentences of a set are the/,
  ],
  [
    "TwitterSemEval2015",
    "test.jsonl",
    (lines) => [lines[0]!.replaceAll(/(?<="labels":\[.*)0/g, "1")],
    /label 1$/,
  ],
  ["SummEval", "test.jsonl", all({ relevance: Array(4).fill(3) }), /the ratings of every row are equal/],
  [
    "SummEval",
    "test.jsonl",
    all({ machine_summaries: Array(4).fill("s") }),
    /summaries of every row are the/,
  ],
  ["SummEval", "test.jsonl", change(2, { relevance: [1, 2] }), /line 2: column "relevance"/],
  [
    "SummEval",
    "test.jsonl",
    change(2, { human_summaries: [] }),
    /line 2: column "human_summaries" is an empty/,
  ],
];

for (const [name, file, spoil, complaint] of cases) {
  Deno.test(`loadTask() refuses ${name} when ${complaint.source.slice(0, 60)}`, async () => {
    await assert.rejects(
      withTask(name, async () => {}, (folder) => edit(`${folder}/${file}`, spoil)),
      (error) =>
        error instanceof UsageError && error.message.startsWith(`${name}: "mteb/`) &&
        complaint.test(error.message),
    );
  });
}

Deno.test("requireUsableVectors() names task data, file and row of a zero or broken embedding, and a collapse", async () => {
  const names = [
    "STS13",
    "ImdbClassification",
    "SCIDOCS",
    "SciDocsRR",
    "RedditClustering",
    "TwitterURLCorpus",
    "SummEval",
  ];
  const places = [
    /sts13-sts\/test.jsonl" line 1\)/,
    /imdb\/train.jsonl" line \d+\)/,
    /scidocs\/queries.jsonl" query d1\)/,
    /scidocs-reranking\/test.jsonl" line 1\)/,
    /reddit-clustering\/test.jsonl" line 1\)/,
    /pairclassification\/test.jsonl" line 1.1\)/,
    /summeval\/test.jsonl" line 1\)/,
  ];
  for (const [i, name] of names.entries()) {
    await withTask(name, async ({ data, files }) => {
      await requireUsableVectors(data, await vectorsFrom(data, hashedTrigrams), files);
      for (
        const bad of [
          new Float32Array(64),
          new Float32Array(64).fill(NaN),
          new Float32Array(64).fill(-Infinity),
        ]
      ) {
        const [first] = await textsOf(data);
        await assert.rejects(
          requireUsableVectors(
            data,
            await vectorsFrom(data, (text) => text === first ? bad : hashedTrigrams(text)),
            files,
          ),
          (error) =>
            error instanceof NumericError && places[i]!.test(error.message) &&
            (bad[0] === 0 ? / is zero$/ : / is not finite$/).test(error.message),
          name,
        );
      }
      await assert.rejects(
        requireUsableVectors(data, () => new Float32Array(64).fill(1), files),
        (error) =>
          error instanceof NumericError && /^all \d+ texts have the same embedding/.test(error.message),
      );
    });
  }
});

Deno.test("requireUsableVectors() quotes a document that is not in memory, and names its row", async () => {
  await withTask("SCIDOCS", async ({ data, files }) => {
    const text = "dog SCIDOCS dog  bee 1";
    const vectors = await vectorsFrom(
      data,
      (one) => one === text ? new Float32Array(64) : hashedTrigrams(one),
    );
    await assert.rejects(
      requireUsableVectors(data, vectors, files),
      { message: `the embedding of "${text}" ("mteb/scidocs/corpus.jsonl" document d1) is zero` },
    );
  });
});

Deno.test("loadTask() keeps no text of a corpus, and refuses one that was changed when it is read again", async () => {
  await withTask("SCIDOCS", async ({ data }, folder) => {
    assert.ok(data.kind === "retrieval");
    const { size, ids, texts } = data.documents, before: string[] = [];
    assert.deepEqual(Object.keys(texts.at(0)), ["key"]);
    await texts.read((text) => void before.push(text));
    assert.deepEqual(before.map((text) => keyOf(text)), before.map((_, i) => keyOf(texts.at(i))));
    assert.deepEqual([before.length, ids.size], [size, size]);
    edit(`${folder}/corpus.jsonl`, change(2, { text: "another" }));
    await assert.rejects(
      texts.read(() => {}),
      (error) =>
        error instanceof UsageError &&
        error.message === 'SCIDOCS: "mteb/scidocs/corpus.jsonl" was changed while it was in use',
    );
  });
});

Deno.test("requireUsableVectors() tells when all queries, or all documents, have one embedding", async () => {
  await withTask("SCIDOCS", async ({ data, files }) => {
    const vectors = await vectorsFrom(data, hashedTrigrams), one = new Float32Array(64).fill(1);
    for (const [role, called] of [["query", "queries"], ["passage", "documents"]] as const) {
      await assert.rejects(
        requireUsableVectors(data, (text, own) => own === role ? one : vectors(text, own), files),
        (error) =>
          error instanceof NumericError &&
          new RegExp(`^all \\d+ ${called} have the same`).test(error.message),
      );
    }
  });
});

Deno.test("requireUsableVectors() names the file of the part in which a text stands", async () => {
  const root = await Deno.makeTempDir();
  try {
    const task = mtebTask("CQADupstackRetrieval");
    const { data, files } = await loadTask(new Mirror(await writeMtebMirror(root, [task])), task);
    const text = "where is CQADupstackGisRetrieval dog  bee 1";
    const vectors = await vectorsFrom(
      data,
      (one) => one === text ? new Float32Array(64) : hashedTrigrams(one),
    );
    await assert.rejects(
      requireUsableVectors(data, vectors, files),
      (error) =>
        error instanceof NumericError &&
        /"mteb\/cqadupstack-gis\/queries.jsonl" query q1\) is zero/.test(error.message),
    );
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("loadTask() reads mteb 2's form of reranking data: candidates in top_ranked, texts of a query by their ids", async () => {
  const root = await Deno.makeTempDir();
  const write = (file: string, rows: readonly object[]) =>
    Deno.writeTextFile(
      `${root}/mteb/MindSmallReranking/${file}`,
      rows.map((row) => JSON.stringify(row) + "\n").join(""),
    );
  const load = () => loadTask(new Mirror(root), mtebTask("MindSmallReranking"), scoringProfile("mteb-2"));
  try {
    await Deno.mkdir(`${root}/mteb/MindSmallReranking/qrels`, { recursive: true });
    await write("corpus.jsonl", ["a", "b", "c", "d"].map((_id) => ({ _id, title: "", text: `text ${_id}` })));
    await write("queries.jsonl", ["1_0", "1_1", "2_0"].map((_id) => ({ _id, text: `query ${_id}` })));
    const judge = (query: string, document: string, score: number) => ({
      "query-id": query,
      "corpus-id": document,
      score,
    });
    await write("qrels/test.jsonl", [
      ...["1_0", "1_1"].flatMap((
        query,
      ) => [judge(query, "b", 1), judge(query, "d", 1), judge(query, "a", 0)]),
      judge("2_0", "a", 0),
    ]);
    const ranked = ["1_0", "1_1", "2_0"].map((query) => ({
      "query-id": query,
      "corpus-ids": ["a", "b", "c"],
    }));
    await write("top_ranked.jsonl", ranked);
    const { data, files } = await load();
    assert.equal(files.length, 4);
    assert.deepEqual(data, {
      kind: "reranking",
      options: { metric: "map_at_1000", subqueries: true },
      queries: [{
        id: "1",
        query: ["query 1_0", "query 1_1"],
        positive: ["text b"],
        negative: ["text a", "text c"],
        candidateIds: ["b", "a", "c"],
        unrankedRelevant: 1,
      }, {
        // Without a relevant document: counted and told, and not scored.
        id: "2",
        query: ["query 2_0"],
        positive: [],
        negative: ["text a", "text b", "text c"],
        candidateIds: ["a", "b", "c"],
        unrankedRelevant: 0,
      }],
    });
    for (
      const [row, complaint] of [
        [{ "query-id": "1_0", "corpus-ids": ["z"] }, /top_ranked.jsonl" line 1 ranks document "z"/],
        [{ "query-id": "9_0", "corpus-ids": ["a"] }, /top_ranked.jsonl" line 1 ranks for query "9_0"/],
      ] as const
    ) {
      await write("top_ranked.jsonl", [row]);
      await assert.rejects(load(), (error) => error instanceof UsageError && complaint.test(error.message));
    }
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
