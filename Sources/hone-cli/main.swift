import ArgumentParser
import Hone

print("hone")
