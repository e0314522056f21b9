"""Words that stand for each other where people ask for what a tool does: English, as a table. Values only.

A question's word brings the others of its lines in at a lower weight (`toolindex.py`): a pair that is too
wide costs a place in the ranking, never a wrong call. No line is about one server or one tool.
"""

import re

_WORD = re.compile(r"[a-z0-9]+")
_QUOTED = re.compile(r"""(?<!\w)'[^'\n]{1,60}'(?!\w)|"[^"\n]{1,60}"|“[^”\n]{1,60}”""")
_FILE_NAME = re.compile(r"[\w*-]\.([A-Za-z][A-Za-z0-9]{0,4})\b(?!\.?\w)")
_DOMAINS = frozenset(["com", "org", "net", "io", "dev", "eu"])
_LEAST_WORDS = 3

_LINES = """
create make new add build generate set
delete remove drop erase discard clear purge trash rid
update change edit modify alter adjust patch revise amend correct
replace substitute swap
list show enumerate display overview all which what
read open view retrieve load content see
search find look locate query lookup match grep seek discover where
write save store record put persist
move relocate transfer shift
rename name call title
copy duplicate clone replicate
send post publish submit tell
push upload publish send
upload import attach
download export fetch save
fetch download retrieve pull
run execute launch invoke evaluate
start begin launch open
stop end kill terminate cancel halt finish close quit shut
compare diff difference differ
count number many total
merge combine join unite
undo revert reset rollback restore back
review approve feedback
wait pause sleep until
click press tap push hit
type enter fill
key keyboard shortcut
convert transform turn translate
describe detail information info inspect metadata property about
explain document meaning definition
check verify validate test assert confirm ensure
sort order arrange rank
highlight mark emphasize
shade color fill background
protect lock password secure encrypt
unprotect unlock
install deploy setup
scale replica instance
connect login sign
log output event journal
history past previous log
aggregate group summarize average sum
sum add plus total
status state health condition
file document
folder directory path
tree structure hierarchy nested outline
picture image photo logo
screenshot snapshot capture picture
page website site web url link address
navigate visit go open browse
repository repo project codebase
issue ticket bug report
commit revision change
branch line
stage staged index ready
channel room
message post chat
user person member people account colleague everyone who
profile detail contact
reaction emoji thumb
reply answer respond thread
comment remark annotation note
table grid
workbook spreadsheet excel
sheet tab worksheet
cell field
chart graph plot diagram
formula calculation compute
row line record
column field
heading header title
paragraph passage section block
database db
document record entry
pod container
deployment workload service
node machine server host
cluster kubernetes
manifest yaml
location place address coordinate position latitude longitude
place restaurant shop business cafe
direction route way travel drive walk
distance far long
elevation altitude height high
time clock hour
timezone zone
entity thing node concept person
relation link edge connection relationship
observation fact
memory knowledge remember graph
browser window
element button control
drag drop
dropdown select option choose pick
form field
dialog popup alert confirm
console error warning
network request traffic http
pdf print
video film movie record
mouse cursor pointer
wheel scroll
hover over
size big large byte space
allow permit access
environment variable
compress gzip zip smaller
javascript script code expression
border style font bold
width wide
know remember recall memory knowledge learn
forget delete remove
remember store save note
occur appear contain mention find search
sure verify check
switch select change checkout use
talk use current
contact phone email profile detail
author who user writer
drag move drop
local working tree
pending uncommitted change status
due deadline date filter
speed fast slow index performance
empty blank clear
paste copy duplicate
freeze pane layout
automatic conditional rule
point pointer mouse hover cursor
paper page
input field box text
set group collection
account user self
rewrite replace update
wipe drop delete
dump export backup
outage incident alert
graph node entity
schedule calendar event meeting appointment
task todo ticket
translate language
play music song
weather forecast temperature
price cost quote stock
payment invoice charge bill
"""


def without_values(text: str) -> str:
    """The text without what stands in quotes: the value of an argument, which says nothing of the tool.

    A text of which little would be left stays as it is.
    """
    short = _QUOTED.sub("…", text)
    return short if len(_WORD.findall(short.lower())) >= _LEAST_WORDS else text


def _alike() -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for line in _LINES.strip().splitlines():
        words = line.split()
        for word in words:
            found.setdefault(word, {}).update(dict.fromkeys(other for other in words if other != word))
    return {word: tuple(others) for word, others in found.items()}


ALIKE = _alike()
"""The words that a word brings in, by the word."""

SHORT = {
    "pr": "pull request",
    "prs": "pull requests",
    "mr": "merge request",
    "docx": "word document",
    "doc": "word document",
    "xlsx": "excel workbook spreadsheet",
    "xls": "excel workbook spreadsheet",
    "pptx": "powerpoint presentation slides",
    "csv": "comma separated values csv",
    "md": "markdown document",
    "png": "image picture png",
    "jpg": "image picture jpg",
    "py": "python code",
    "yml": "yaml",
    "txt": "text",
    "ts": "typescript code",
    "html": "html web page",
    "sh": "shell script",
    "k8s": "kubernetes cluster",
    "db": "database",
    "js": "javascript code",
    "env": "environment variable",
    "repo": "repository",
    "docs": "documentation",
    "config": "configuration",
    "auth": "authentication login",
    "dir": "directory folder",
    "url": "url web address link",
    "https": "url web address link",
    "http": "http request url",
    "css": "css style",
    "sql": "sql query database",
}
"""What is written short, and the words that it is written for: they count like the short one itself."""


def written_out(text: str) -> str:
    """The text, and behind it in words what it has that is short: names of files, abbreviations."""
    found = dict.fromkeys(SHORT[word] for word in _WORD.findall(text.lower()) if word in SHORT)
    if any(ending.lower() not in _DOMAINS for ending in _FILE_NAME.findall(text)):
        found["file"] = None
    return f"{text} ({'; '.join(found)})" if found else text
