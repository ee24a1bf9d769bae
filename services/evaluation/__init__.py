"""How the model does by people's word: counted, told, and taught to the next one by choice."""
