// HoneTesting
