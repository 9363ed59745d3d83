/**
 * The tasks of MTEB(eng, v1) as a table, as mteb 1.38.33 pins them, and what mteb 2.x pins otherwise.
 *
 * A line is one task: name, data set on the hub, revision ("-" where none is known), split, subset of the data set ("-" for the
 * default), then how much the data set holds and what is special about the task. Checked against mteb itself by
 * `fixtures/golden/mteb/tasks.json`; how much there is, which mteb's package does not hold, is from the benchmark's documents.
 *
 * @module
 */

/** Retrieval; CQADupstackRetrieval, which has no data set of its own, is between ClimateFEVER and DBPedia. */
export const RETRIEVAL = `
ArguAna         mteb/arguana        c22ab2a51041ffd869aaddef7af8d8215647e41a  test  -  documents=8674 queries=1406 drop-self domains=Medical,Written
ClimateFEVER    mteb/climate-fever  47f2ac6acb640fc46020b02a5b59fdda04d39380  test  -  documents=5416593 queries=1535 domains=Encyclopaedic,Written
DBPedia         mteb/dbpedia        c0f706b76e590d620bd6618b3ca8efdd34e2d659  test  -  documents=4635922 queries=400 domains=Written,Encyclopaedic
FEVER           mteb/fever          bea83ef9e8fb933d90a2f1d5515737465d613e12  test  -  documents=5416568 queries=6666 drop-self domains=Encyclopaedic,Written
FiQA2018        mteb/fiqa           27a168819829fe9bcd655c2df245fb19452e8e06  test  -  documents=57638 queries=648 drop-self domains=Written,Financial
HotpotQA        mteb/hotpotqa       ab518f4d6fcca38d87c25209f94beba119d02014  test  -  documents=5233329 queries=7405 domains=Web,Written
MSMARCO         mteb/msmarco        c5a29a104738b98a9e76336939199e264163d4a0  dev   -  documents=8841823 queries=6980 drop-self domains=Encyclopaedic,Academic,Blog,News,Medical,Government,Reviews,Non-fiction,Social,Web
NFCorpus        mteb/nfcorpus       ec0fa4fe99da2ff19ca1214b7966684033a58814  test  -  documents=3633 queries=323 domains=Medical,Academic,Written
NQ              mteb/nq             b774495ed302d8c44a3a7ea25c90dbce03968f31  test  -  documents=2681468 queries=3452 domains=Written,Encyclopaedic
QuoraRetrieval  mteb/quora          e4e08e0b7dbe3c8700f0daef558ff32256715259  test  -  documents=522931 queries=10000 drop-self domains=Written,Web,Blog
SCIDOCS         mteb/scidocs        f8c2fcf00f625baaa80f62ec5bd9e1fff3b8ae88  test  -  documents=25657 queries=1000 domains=Academic,Written,Non-fiction
SciFact         mteb/scifact        0228b52cf27578f30900b9e5271d331663a030d7  test  -  documents=5183 queries=300 domains=Academic,Medical,Written
Touche2020      mteb/touche2020     a34f9a33db75fa0cbb21bb5cfc3dae8dc8bec93f  test  -  documents=382545 queries=49 domains=Academic
TRECCOVID       mteb/trec-covid     bb9466bac8153a0349341eb1b22e06409e78ef4e  test  -  documents=171332 queries=50 domains=Medical,Academic,Written
`;

/** The twelve forums whose scores CQADupstackRetrieval is the plain mean of. */
export const CQADUPSTACK = `
CQADupstackAndroidRetrieval      mteb/cqadupstack-android      f46a197baaae43b4f621051089b82a364682dfeb  test  -  documents=22998 queries=699 domains=Programming,Web,Written,Non-fiction
CQADupstackEnglishRetrieval      mteb/cqadupstack-english      ad9991cb51e31e31e430383c75ffb2885547b5f0  test  -  documents=40221 queries=1570 domains=Written
CQADupstackGamingRetrieval       mteb/cqadupstack-gaming       4885aa143210c98657558c04aaf3dc47cfb54340  test  -  documents=45301 queries=1595 domains=Web,Written
CQADupstackGisRetrieval          mteb/cqadupstack-gis          5003b3064772da1887988e05400cf3806fe491f2  test  -  documents=37637 queries=885 domains=Written,Non-fiction
CQADupstackMathematicaRetrieval  mteb/cqadupstack-mathematica  90fceea13679c63fe563ded68f3b6f06e50061de  test  -  documents=16705 queries=804 domains=Written,Academic,Non-fiction
CQADupstackPhysicsRetrieval      mteb/cqadupstack-physics      79531abbd1fb92d06c6d6315a0cbbbf5bb247ea4  test  -  documents=38316 queries=1039 domains=Written,Academic,Non-fiction
CQADupstackProgrammersRetrieval  mteb/cqadupstack-programmers  6184bc1440d2dbc7612be22b50686b8826d22b32  test  -  documents=32176 queries=876 domains=Programming,Written,Non-fiction
CQADupstackStatsRetrieval        mteb/cqadupstack-stats        65ac3a16b8e91f9cee4c9828cc7c335575432a2a  test  -  documents=42269 queries=652 domains=Written,Academic,Non-fiction
CQADupstackTexRetrieval          mteb/cqadupstack-tex          46989137a86843e03a6195de44b09deda022eec7  test  -  documents=68184 queries=2906 domains=Written,Non-fiction
CQADupstackUnixRetrieval         mteb/cqadupstack-unix         6c6430d3a6d36f8d2a829195bc5dc94d7e063e53  test  -  documents=47382 queries=1072 domains=Written,Web,Programming
CQADupstackWebmastersRetrieval   mteb/cqadupstack-webmasters   160c094312a0e1facb97e55eeddb698c0abe3571  test  -  documents=17405 queries=506 domains=Written,Web
CQADupstackWordpressRetrieval    mteb/cqadupstack-wordpress    4ffe81d471b1924886b33c7567bfb200e9eec5c4  test  -  documents=48605 queries=541 domains=Written,Web,Programming
`;

/** Reranking. `queries` are those that are scored: with a relevant and an irrelevant candidate. */
export const RERANKING = `
AskUbuntuDupQuestions      mteb/askubuntudupquestions-reranking      2000358ca161889fa9c082cb41daa8dcfb161a54  test  -  rows=375 queries=361 domains=Programming,Web
MindSmallReranking         mteb/mind_small                           59042f120c80e8afa9cdbb224f67076cec0fc9a7  test  -  subqueries domains=News,Written
SciDocsRR                  mteb/scidocs-reranking                    d3c5e1fc0b855ab6097bf1cda04dd73947d7caab  test  -  rows=3978 domains=Academic,Non-fiction,Written
StackOverflowDupQuestions  mteb/stackoverflowdupquestions-reranking  e185fbe320c72810689fc5848eb6114e1ef5ec69  test  -  rows=2992 domains=Written,Blog,Programming
`;

/** Clustering. */
export const CLUSTERING = `
ArxivClusteringP2P          mteb/arxiv-clustering-p2p          a122ad7f3f0291bf49cc6f4d32aa80929df69d5d  test  -  sets=31 sentences=732723 domains=Academic,Written
ArxivClusteringS2S          mteb/arxiv-clustering-s2s          f910caf1a6075f7329cdf8c1a6135696f37dbd53  test  -  sets=31 sentences=732723 domains=Academic,Written
BiorxivClusteringP2P        mteb/biorxiv-clustering-p2p        65b79d1d13f80053f67aca9498d9402c2d9f1f40  test  -  sets=10 sentences=75000 domains=Academic,Written
BiorxivClusteringS2S        mteb/biorxiv-clustering-s2s        258694dd0231531bc1fd9de6ceb52a0853c6d908  test  -  sets=10 sentences=75000 domains=Academic,Written
MedrxivClusteringP2P        mteb/medrxiv-clustering-p2p        e7a26af6f3ae46b30dde8737f02c07b1505bcc73  test  -  sets=10 sentences=37500 domains=Academic,Written
MedrxivClusteringS2S        mteb/medrxiv-clustering-s2s        35191c8c0dca72d8ff3efcd72aa802307d469663  test  -  sets=10 sentences=37500 domains=Academic,Medical,Written
RedditClustering            mteb/reddit-clustering             24640382cdbf8abc73003fb0fa6d111a705499eb  test  -  sets=25 sentences=420464 domains=Web,Social,Written
RedditClusteringP2P         mteb/reddit-clustering-p2p         385e3cb46b4cfa89021f56c4380204149d0efe33  test  -  sets=10 sentences=459399 domains=Web,Social,Written
StackExchangeClustering     mteb/stackexchange-clustering      6cbc1f7b2bc0622f2e39d2c77fa502909748c259  test  -  sets=25 sentences=373850 domains=Web,Written
StackExchangeClusteringP2P  mteb/stackexchange-clustering-p2p  815ca46b2622cec33ccafc3735d572c266efdb44  test  -  sets=10 sentences=75000 domains=Web,Written
TwentyNewsgroupsClustering  mteb/twentynewsgroups-clustering   6125ec4e24fa026cec8a478383ee943acfbd5449  test  -  sets=10 sentences=59545 domains=News,Written
`;

/** Pair classification. */
export const PAIR_CLASSIFICATION = `
SprintDuplicateQuestions  mteb/sprintduplicatequestions-pairclassification  d66bd1f72af766a5cc4b0ca5e00c162f89e8cc46  test  -  pairs=101000 domains=Programming,Written
TwitterSemEval2015        mteb/twittersemeval2015-pairclassification        70970daeab8776df92f5ea462b6173c0b46fd2d1  test  -  pairs=16777 domains=Social,Written
TwitterURLCorpus          mteb/twitterurlcorpus-pairclassification          8b6510b0b1fa4e4c4f879467980e9be563ec1cdf  test  -  pairs=51534 domains=Social,Written
`;

/** Classification; eight training rows per label unless `samples` says otherwise. The test split is cut to `stratified`
 * rows in the proportion of the labels. `train` and `test` count rows. */
export const CLASSIFICATION = `
AmazonCounterfactualClassification      mteb/amazon_counterfactual       e8379541af4e31359cca9fbcf4b00f2671dba205  test  en  train=4018 test=670 samples=32 domains=Reviews,Written
AmazonPolarityClassification            mteb/amazon_polarity             e2d317d38cd51312af73b3d32a06d1a08b442046  test  -   train=3600000 test=400000 domains=Reviews,Written
AmazonReviewsClassification             mteb/amazon_reviews_multi        1399c76144fd37290681b995c656ef9b2e06e26d  test  en  train=200000 test=5000 domains=Reviews,Written
Banking77Classification                 mteb/banking77                   0fd18e25b25c072e09e0d92ab615fda904d66300  test  -   train=10003 test=3080 domains=Written
EmotionClassification                   mteb/emotion                     4f58c6b202a23cf9a4da393831edf4f9183cad37  test  -   train=16000 test=2000 samples=16 domains=Social,Written
ImdbClassification                      mteb/imdb                        3d86128a09e091d6018b6d26cad27f2739fc2db7  test  -   train=25000 test=25000 domains=Reviews,Written
MassiveIntentClassification             mteb/amazon_massive_intent       4672e20407010da34463acc759c162ca9734bca6  test  en  train=11514 test=2974 domains=Spoken
MassiveScenarioClassification           mteb/amazon_massive_scenario     fad2c6e8459f9e1c45d9315f4953d921437d70f8  test  en  train=11514 test=2974 domains=Spoken
MTOPDomainClassification                mteb/mtop_domain                 d80d48c1eb48d3562165c59d59d0034df9fff0bf  test  en  train=15667 test=4386 domains=Spoken
MTOPIntentClassification                mteb/mtop_intent                 ae001d0e6b1228650b7bd1c2c65fb50ad11a8aba  test  en  train=15667 test=4386 domains=Spoken
ToxicConversationsClassification        mteb/toxic_conversations_50k     edfaf9da55d3dd50d43143d90c1ac476895ae6de  test  -   train=50000 test=2048 samples=16 stratified=2048 domains=Social,Written
TweetSentimentExtractionClassification  mteb/tweet_sentiment_extraction  d604517c81ca91fe16a244d1248fc021f9ecee7a  test  -   train=27481 test=3534 samples=32 domains=Social,Written
`;

/** Semantic textual similarity; `scores` is the range of the judgements. */
export const STS = `
BIOSSES       mteb/biosses-sts             d3fb88f8f02e40887cd149695127462bbcf29b4a  test  -      pairs=100 scores=0..5 domains=Medical
SICK-R        mteb/sickr-sts               20a6d6f312dd54037fe07a32d58e5e168867909d  test  -      pairs=9927 scores=0..5 domains=Web,Written
STS12         mteb/sts12-sts               a0d554a64d88156834ff5ae9920b964011b16384  test  -      pairs=3108 scores=0..5 domains=Encyclopaedic,News,Written
STS13         mteb/sts13-sts               7e90230a92c190f1bf69ae9002b8cea547a64cca  test  -      pairs=1500 scores=0..5 domains=Web,News,Non-fiction,Written
STS14         mteb/sts14-sts               6031580fec1f6af667f0bd2da0a551cf4f0b2375  test  -      pairs=3750 scores=0..5 domains=Blog,Web,Spoken
STS15         mteb/sts15-sts               ae752c7c21bf194d8b67fd573edf7ae58183cbe3  test  -      pairs=3000 scores=0..5 domains=Blog,News,Web,Written,Spoken
STS16         mteb/sts16-sts               4d8694f8f0e0100860b497b999b3dbed754a0513  test  -      pairs=1186 scores=0..5 domains=Blog,Web,Spoken
STS17         mteb/sts17-crosslingual-sts  faeb762787bd10488a50c8b5be4a3b82e411949c  test  en-en  pairs=250 scores=0..5 domains=News,Web,Written
STS22         mteb/sts22-crosslingual-sts  de9d86b3b84231dc21f76c7b7af1f28e2f57f6e3  test  en     pairs=197 scores=1..4 domains=News,Written
STSBenchmark  mteb/stsbenchmark-sts        b0fddb56ed78048fa8b90373c8a3cfc37b684831  test  -      pairs=1379 scores=0..5 domains=Blog,News,Written
`;

/** Summarization; `legacy` is the mean of correlation and p-value that MTEB has reported under this name since 1.0. */
export const SUMMARIZATION = `
SummEval  mteb/summeval  cda12ad7615edc362dbf25a00fdd61d3b1eaf93c  test  -  documents=100 legacy domains=News,Written
`;

/** Tasks outside MTEB(eng, v1): the one that GRACE's released list has instead of TweetSentimentExtractionClassification. */
export const OTHER_CLASSIFICATION = `
TweetSentimentClassification  mteb/tweet_sentiment_multilingual  d522bb117c32f5e0207344f69f7075fc9941168b  test  english  domains=Social,Written
`;

/** Tasks outside MTEB(eng, v1): SummEval as it was mended. */
export const OTHER_SUMMARIZATION = `
SummEvalSummarization.v2  mteb/summeval  cda12ad7615edc362dbf25a00fdd61d3b1eaf93c  test  -  documents=100 domains=News,Written
`;

/** Name, data set and revision where mteb 2.x (2.20.0) reads another one; the splits and subsets are the same. */
export const SINCE_MTEB_2 = `
AmazonReviewsClassification         mteb/AmazonReviewsClassification  6b5d328eaae8ef408dd7d775040245cf86f92e9d
AskUbuntuDupQuestions               mteb/AskUbuntuDupQuestions        c5691e3c48741d5f83b5cc8e630653d7a8cfc048
CQADupstackAndroidRetrieval         mteb/CQADupstackAndroidRetrieval  9be4c0e46342e8e3aff577a89b9a1ec9bc6b4af3
MTOPDomainClassification            mteb/MTOPDomainClassification     a76d16fae880597b9c73047b50159220a441cb54
MTOPIntentClassification            mteb/MTOPIntentClassification     2992d820f31312593c49a4890430aadadb0f0039
MindSmallReranking                  mteb/MindSmallReranking           227478e3235572039f4f7661840e059f31ef6eb1
SciDocsRR                           mteb/SciDocsRR                    39b8377811871075eed9de3b8a7e21aaa6acb3d8
SciFact                             mteb/scifact                      d56462d0e63a25450459c4f213e49ffdb866f7f9
StackOverflowDupQuestions           mteb/StackOverflowDupQuestions    5debda000fe8e27ebb5c123d38081f92e1847a59
AmazonCounterfactualClassification  mteb/amazon_counterfactual        1f7e6a9d6fa6e64c53d146e428565640410c0df1
`;
