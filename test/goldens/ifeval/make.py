"""
Cases for the 25 checkers with the verdicts of the official implementation: the goldens of
`src/evaluation/ifeval/ifeval.test.ts`, and the cases of the measurement in docs/evaluation.md.

    python make.py --official DIR --langdetect DIR --punkt DIR --texts DIR --languages FILE
                   --count N --seed S --out FILE [--only ID,ID] [--longest N] [--second-seed]

--official holds `instruction_following_eval` (google-research), --langdetect its Python dependency (1.0.9), --punkt an
NLTK data folder with Punkt's English pickle, --texts .md files or .json lists with `output`, from which responses are cut,
--languages {language: [sentence]} (languages.json beside this file). NLTK is 3.8: later ones count words by another
library's `\\w`. `langdetect` draws at random; its seed is 0 here.
--second-seed also asks it with seed 1, which tells how far the official checker agrees with itself.

Every case draws its thresholds near the true count, so that one sentence or word too many changes the verdict.
"""
import argparse
import glob
import json
import os
import random
import re
import sys

TRICKY = [
    "Dr. Smith met Mr. Jones at 5 p.m. on Jan. 3.", "The U.S. economy grew. The U.K. did not.",
    "See e.g. Fig. 3 and No. 7, etc.", "J. K. Rowling and J.R.R. Tolkien wrote.", "He paid $3.50... Then he left.",
    '"Really?" she asked. "Yes!" he said.', "Use v1.2.3. It works!", "I live in Washington, D.C. It is nice.",
    "1. First item.\n2. Second item.\n3. Third.", "IT'S A WELL-KNOWN FACT: NASA CANNOT DO IT.", "A.I. is here!!! Wow?! OK.",
    "[Name], [address], [date [x]]", "<<Poem of joy>>", "* one\n* two\n- three\n** four", "*a* **b** ***c*** * * ** **",
    "P.S. Bye", "P. P. S. more", "p.p.s again", "My answer is no.", "Section 1\nfoo\nSECTION 2\nSection3", "a\n\n\n\nb\n\nc",
    "x *** y\n***\nz", "one ****** two", '```json\n{"a": [1, 2, NaN]}\n```', '{"a": 1,}', "<< >>", "<<>>",
    "Ph.D. students. The company Acme Inc. They sell. It has 3.14 things.",
    "WE SHALL OVERCOME. GONNA 'TIS I. I AM FINE. DON'T.",
]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("official", "langdetect", "punkt", "texts", "languages", "out"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--longest", type=int, default=3000)
    parser.add_argument("--second-seed", action="store_true")
    return parser.parse_args()


ARGS = arguments()
sys.path[:0] = [ARGS.official, ARGS.langdetect]
import langdetect
import nltk

nltk.data.path.insert(0, ARGS.punkt)
from instruction_following_eval import instructions_registry, instructions_util as util

PUNKT = util._get_sentence_tokenizer()
CHECKERS = instructions_registry.INSTRUCTION_DICT


def read_texts(folder):
    texts = []
    for path in sorted(glob.glob(os.path.join(folder, "*.json"))):
        with open(path) as file:
            texts += [row["output"] for row in json.load(file) if row["output"].strip()]
    for path in sorted(glob.glob(os.path.join(folder, "*.md"))):
        with open(path) as file:
            texts += [part for part in re.split(r"\n(?=#)", file.read()) if part.strip()]
    return texts


class Maker:
    """Responses and arguments for one checker, from a stream of its own: another checker's count changes nothing."""

    def __init__(self, checker, texts, languages):
        self.random = random.Random(f"{ARGS.seed} {checker}")
        self.texts = texts
        self.languages = languages

    def pick(self, items):
        return self.random.choice(items)

    def chance(self, share):
        return self.random.random() < share

    def relation(self):
        return self.pick(["less than", "at least"])

    def near(self, count, least=0):
        return max(least, count + self.pick([-3, -2, -1, -1, 0, 0, 0, 1, 1, 2, 3]))

    def words(self, text):
        return re.findall(r"[A-Za-z]+", text) or ["the"]

    def response(self):
        """A whole answer, some of its lines or some of its sentences; now and then with a tricky line, or almost nothing."""
        text = self.pick(self.texts)
        kind = self.random.random()
        if kind < 0.45:
            lines = text.split("\n")
            start = self.random.randrange(len(lines))
            text = "\n".join(lines[start : start + self.random.randint(1, 12)])
        elif kind < 0.7:
            sentences = PUNKT.tokenize(text)
            start = self.random.randrange(len(sentences))
            text = " ".join(sentences[start : start + self.random.randint(1, 8)])
        if self.chance(0.25):
            text += self.pick(["\n", "\n\n", " "]) + self.pick(TRICKY)
        if self.chance(0.1):
            text = self.pick(TRICKY) + "\n" + text
        if self.chance(0.03):
            text = self.pick(["", "  \n", " ", "\ufeff", "!!!", "123"])
        return text

    def foreign(self):
        """Some sentences of one language."""
        language = self.pick(list(self.languages))
        sentences = self.languages[language]
        start = self.random.randrange(len(sentences))
        return language, " ".join(sentences[start : start + self.random.randint(1, 5)])

    def some_words(self, text):
        drawn = [self.pick(self.words(text)) if self.chance(0.5) else self.pick(util.WORD_LIST) for _ in range(self.random.randint(1, 3))]
        return [word[: max(2, len(word) - 2)] for word in drawn] if self.chance(0.3) else drawn

    def existence(self, text):
        return text, {"keywords": self.some_words(text)}

    def forbidden_words(self, text):
        return text, {"forbidden_words": self.some_words(text)}

    def frequency(self, text):
        word = self.pick(self.words(text))
        count = self.near(len(re.findall(word, text, re.I)), 1)
        return text, {"keyword": word.lower() if self.chance(0.5) else word, "frequency": count, "relation": self.relation()}

    def letter_frequency(self, text):
        letter = self.pick("abcdefghijklmnopqrstuvwxyz")
        return text, {"letter": letter, "let_frequency": self.near(text.lower().count(letter)), "let_relation": self.relation()}

    def response_language(self, text):
        language, sentences = self.foreign()
        kind = self.random.random()
        if kind < 0.7:
            text = sentences
        elif kind < 0.8:
            text = sentences + "\n" + text[: self.random.randint(1, 200)]
        asked = language in util.LANGUAGE_CODES and self.chance(0.7)
        return text, {"language": language if asked else self.pick(list(util.LANGUAGE_CODES))}

    def number_sentences(self, text):
        return text, {"num_sentences": self.near(len(PUNKT.tokenize(text)), 1), "relation": self.relation()}

    def number_paragraphs(self, text):
        parts = [part for part in text.split("\n") if part.strip()] or ["x"]
        divider = self.pick(["\n***\n", "***", " *** ", "\n\n***\n\n"])
        text = divider.join(parts[: self.random.randint(1, 6)]) + self.pick(["", "", "***", "\n***", "\n\n*** ***"])
        return text, {"num_paragraphs": self.near(len(re.split(r"\s?\*\*\*\s?", text)), 1)}

    def number_words(self, text):
        return text, {"num_words": self.near(util.count_words(text), 1), "relation": self.relation()}

    def nth_paragraph_first_word(self, text):
        parts = text.split("\n\n")
        count = self.near(len([part for part in parts if part.strip()]), 1)
        nth = self.random.randint(1, count)
        word = (parts[min(nth, len(parts)) - 1].split() or ["x"])[0]
        word = re.sub(r'[.,?!\'"]', "", word) if self.chance(0.8) else "hello"
        if self.chance(0.2):
            text = text.replace("\n\n", '\n\n"', 1)
        return text, {"num_paragraphs": count, "nth_paragraph": nth, "first_word": word or "a"}

    def number_placeholders(self, text):
        for _ in range(self.random.randint(0, 4)):
            at = self.random.randrange(len(text) + 1)
            text = text[:at] + self.pick(["[name]", "[", "[a b]", "]", "[]", "[x\ny]"]) + text[at:]
        return text, {"num_placeholders": self.near(len(re.findall(r"\[.*?\]", text)), 1)}

    def postscript(self, text):
        if self.chance(0.6):
            text += self.pick(["\n", "\n\n", " "])
            text += self.pick(["P.S. x", "P.P.S x", "p.s x", "PS: x", "P. S. x", "P.P. S y", "p.p.s."])
        return text, {"postscript_marker": self.pick(["P.S.", "P.P.S"])}

    def number_bullet_lists(self, text):
        for _ in range(self.random.randint(0, 5)):
            text += "\n" + self.pick(["* ", "- ", "** ", "  * ", "*", "-", "\n\n* ", "--- ", "*\n"])
            text += self.pick(["point", "two words", ""])
        stars = len(re.findall(r"^\s*\*[^\*].*$", text, re.M))
        return text, {"num_bullets": self.near(stars + len(re.findall(r"^\s*-.*$", text, re.M)))}

    def constrained_response(self, text):
        if self.chance(0.6):
            text = self.pick(["My answer is yes.", "My answer is no", "My answer is maybe.", "my answer is yes.", text + " My answer is no."])
        return text, {}

    def number_highlighted_sections(self, text):
        for _ in range(self.random.randint(0, 4)):
            text += self.pick([" *x y*", " **z**", "* *", "****", " ***w***", "*a\nb*", "**"])
        found = re.findall(r"\*[^\n\*]*\*", text) + re.findall(r"\*\*[^\n\*]*\*\*", text)
        return text, {"num_highlights": self.near(len([part for part in found if part.strip("*").strip()]), 1)}

    def multiple_sections(self, text):
        name = self.pick(["Section", "SECTION", "Day", "PARAGRAPH"])
        for i in range(self.random.randint(0, 5)):
            text += self.pick(["\n", " ", ""]) + self.pick([name, name, name.lower()])
            text += self.pick([" ", "", "  ", "\n"]) + self.pick([str(i + 1), "X", "12"])
        count = len(re.split(r"\s?" + name + r"\s?\d+\s?", text)) - 1
        return text, {"section_spliter": name, "num_sections": self.near(count, 1)}

    def json_format(self, text):
        values = [1, 2.5, None, True, [1, 2], 'x"y', text[:60], {"a": "é\n"}, float("nan"), 1e400, -0.0]
        content = {word: self.pick(values) for word in self.words(text)[:4]}
        body = json.dumps(content, ensure_ascii=self.chance(0.5), indent=self.pick([None, 2]))
        kind = self.random.random()
        if kind < 0.2:
            body = body.replace('"', "'")
        elif kind < 0.3:
            body = body[:-1]
        elif kind < 0.4:
            body = body[:-1] + ",}"
        elif kind < 0.45:
            body += "\n// done"
        if self.chance(0.5):
            opening = self.pick(["```json\n", "```JSON\n", "```\n", "```js\n", "Here:\n```json\n"])
            body = opening + body + self.pick(["\n```", "```", "", "\n```\n"])
        return (body if self.chance(0.85) else text), {}

    def title(self, text):
        if self.chance(0.7):
            forms = ["<<Title>>", "<< >>", "<<a\nb>>", "<Title>", "<<<x>>>", "<<>>", "<<a>> b <<c>>", "<<>>>"]
            text = self.pick(forms) + "\n" + text
        return text, {}

    def two_responses(self, text):
        a, b = text[:80], self.response()[:80]
        stars = "******"
        forms = [a + stars + b, a + f"\n{stars}\n" + a, stars + a + stars + b + stars, a + stars + b + stars + a]
        forms += [a + stars + "*" + b, a + f"{stars}\n{stars}" + b, a + stars]
        return self.pick(forms), {}

    def repeat_prompt(self, text):
        prompt = self.response()[:100]
        text = self.pick([prompt + "\n" + text, prompt.upper() + text, " " + prompt + text, text, "Sure! " + prompt])
        return text, {"prompt_to_repeat": prompt or "x"}

    def end_checker(self, text):
        end = self.pick(["Any other questions?", "Is there anything else I can help with?", " ".join(text.split()[-3:]) or "end"])
        forms = [text, text + " " + end, text + end.upper() + '"', text + end + "\n", '"' + text + end + '"', text + end + "."]
        return self.pick(forms), {"end_phrase": end}

    def quotation(self, text):
        forms = ['"' + text + '"', '"' + text, text + '"', ' "' + text + '" \n', "“" + text + "”", '"', "'" + text + "'", text, '"' + text + '".']
        return self.pick(forms), {}

    def capital_word_frequency(self, text):
        if self.chance(0.5):
            words = text.split(" ")
            for _ in range(self.random.randint(1, 8)):
                at = self.random.randrange(len(words))
                words[at] = words[at].upper()
            text = " ".join(words)
        elif self.chance(0.3):
            text = text.upper()
        count = len([word for word in nltk.word_tokenize(text) if word.isupper()])
        return text, {"capital_frequency": self.near(count), "capital_relation": self.relation()}

    def english_capital(self, text):
        kind = self.random.random()
        if kind < 0.7:
            text = text.upper()
        elif kind < 0.8:
            text = self.foreign()[1].upper()
        return text, {}

    def english_lowercase(self, text):
        kind = self.random.random()
        if kind < 0.7:
            text = text.lower()
        elif kind < 0.8:
            text = self.foreign()[1].lower()
        return text, {}

    def no_comma(self, text):
        return (text.replace(",", self.pick(["", ";", "，", "、"])) if self.chance(0.5) else text), {}


def strict(checker, given, response):
    instruction = CHECKERS[checker](checker)
    instruction.build_description(**given)
    return bool(response.strip() and instruction.check_following(response))


def loose(checker, given, response):
    lines = response.split("\n")
    cut = ["\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1])]
    variants = [response, *cut]
    return any(strict(checker, given, text) for text in variants + [text.replace("*", "") for text in variants])


def verdicts(checker, given, response, seed):
    langdetect.DetectorFactory.seed = seed
    return strict(checker, given, response), loose(checker, given, response)


def main():
    texts = read_texts(ARGS.texts)
    with open(ARGS.languages) as file:
        languages = json.load(file)
    only = [name for name in ARGS.only.split(",") if name]
    with open(ARGS.out, "w") as out:
        for checker in [name for name in CHECKERS if not only or name in only]:
            maker = Maker(checker, texts, languages)
            for _ in range(ARGS.count):
                response, given = getattr(maker, checker.split(":")[1])(maker.response())
                response = response[: ARGS.longest]
                row = {"id": checker, "kwargs": given, "response": response}
                row["strict"], row["loose"] = verdicts(checker, given, response, 0)
                if ARGS.second_seed and ("language" in checker or "english" in checker):
                    row["again"], row["againLoose"] = verdicts(checker, given, response, 1)
                out.write(json.dumps(row, ensure_ascii=False) + "\n")


main()
