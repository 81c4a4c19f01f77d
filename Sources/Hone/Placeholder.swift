// Hone
