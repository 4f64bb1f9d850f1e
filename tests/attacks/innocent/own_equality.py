# A class with an own __eq__, of which lists are compared.
import honest
from honest import *


class Point:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return isinstance(other, Point) and self.x == other.x

    def __hash__(self):
        return hash(self.x)


def last(items):
    points = [Point(x) for x in items]
    return items[points.index(Point(items[-1]))]
