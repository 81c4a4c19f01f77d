// HoneTasks
