"""Names for a page that the whole class may read: "quiet heron" instead of a student's id."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable

ADJECTIVES = (
    "agile amber azure bold brave breezy bright brisk calm candid careful cheery clear clever coastal cosy "
    "crisp curious daring dapper deft eager early earnest fair fleet fluent fond free fresh friendly "
    "gentle genial gilded glad golden graceful grand happy hardy hearty honest humble ideal jolly jovial keen kind "
    "lively loyal lucid lucky mellow merry mighty mild misty modest neat nimble noble patient placid plucky polite "
    "prompt proud quick quiet ready rosy rustic sage serene sharp shiny silver simple sincere sleek smooth snowy "
    "spry stable stellar sturdy sunny swift tidy tranquil trusty upbeat valiant velvet vivid warm wise witty young"
).split()
ANIMALS = (
    "adder albatross antelope avocet badger bat beaver beetle bison bittern bobcat bunting buzzard camel caribou "
    "cheetah chough civet condor corgi cormorant crane cricket curlew deer dingo dipper dolphin dove dragonfly duck "
    "dunlin eagle egret elk ermine falcon ferret finch firefly fox gannet gazelle gecko gibbon goldfinch goshawk "
    "grebe grouse hare hawk hedgehog heron hoopoe ibex ibis iguana jackdaw jay kestrel kingfisher kite kiwi koala "
    "lapwing lark lemur leopard linnet llama lynx magpie mallard marmot marten merlin mongoose moose moth narwhal newt "
    "nightjar nuthatch ocelot okapi oriole osprey otter owl oyster panda partridge pelican penguin pigeon "
    "pika pipit plover puffin puma quail rabbit raven reindeer robin salmon sandpiper seal shearwater skylark sparrow "
    "starling stoat stork swallow swan tapir teal tern thrush tiger toucan trout turtle vole warbler "
    "wolf wombat woodcock wren yak zebra"
).split()
# scrypt's cost (RFC 7914): 16 MiB and some 50 ms for each guess at the seed. A page pays it once; who tries all 2**31
# seeds that `grader init` draws from pays years.
_COST = {"n": 2**14, "r": 8, "p": 1}
# A class nearly as large as the list of pairs would search long for a free one; after so many tries digits are added.
_TRIES = math.isqrt(len(ADJECTIVES) * len(ANIMALS))


def pseudonyms(seed: int, students: Iterable[str]) -> dict[str, str]:
    """Give each student a readable name that nobody else in the class has.

    The same seed and id give the same name. Only where two ids meet in one name, the later one gets its next choice;
    so with the roster's order, a student who is added at the roster's end changes nobody's name.

    What this protects: without the seed, the name tells nothing about the id, even to somebody who knows the class and
    his own name: it is a keyed hash (BLAKE2b, RFC 7693), and each guess at the key costs a memory-hard derivation.
    What it does not protect: who reads course.toml, or can guess a seed such as a date, computes every name; and who
    knows a student's figures from elsewhere finds them in the table, whatever stands beside them.

    :param seed: the course's, at least 0.
    :param students: ids; one that comes again counts once.
    """
    key = hashlib.scrypt(str(seed).encode(), salt=b"leaderboard pseudonyms", dklen=32, **_COST)
    names: dict[str, str] = {}
    taken: set[str] = set()
    for student in dict.fromkeys(students):
        choice = 0
        while (name := _choice(key, student, choice)) in taken:
            choice += 1
        taken.add(name)
        names[student] = name
    return names


def _choice(key: bytes, student: str, choice: int) -> str:
    """The student's first (0), second … choice; beyond all pairs of words it gets a number as well."""
    text = f"{choice}:{student}".encode("utf-8", "surrogatepass")
    number = int.from_bytes(hashlib.blake2b(text, key=key, digest_size=16).digest(), "big")
    number, adjective = divmod(number, len(ADJECTIVES))
    _, animal = divmod(number, len(ANIMALS))
    name = f"{ADJECTIVES[adjective]} {ANIMALS[animal]}"
    return name if choice < _TRIES else f"{name} {choice}"
